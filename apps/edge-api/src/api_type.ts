import type { Hono } from "hono";
import type { InferOutput } from "valibot";
import type { AnalysisJson } from "./routes/analyze.ts";
import type { CleanJson } from "./routes/clean.ts";
import type { HealthJson } from "./routes/health.ts";
import type { FillMaskJson } from "./routes/hugging_face.ts";
import type { huggingFaceSchemas } from "./schemas/hugging_face.ts";
import type { openAiSchemas } from "./schemas/openai.ts";
import type { ownSchemas } from "./schemas/ours.ts";
import type { teiSchemas } from "./schemas/tei.ts";
import type { AppEnv } from "./service.ts";

/**
 * The app's routes for Hono's typed client, `hono/client`: bodies as the server checks them, answers as it gives them. As in
 * `hc<KcbertApi>("http://127.0.0.1:8787").clean.$post({ json: { inputs: "ㅋㅋㅋㅋㅋㅋ♡" } })`.
 */
export type KcbertApi = Hono<AppEnv, Routes>;

// --- internal ---

/** What a route takes and gives; a text gives one answer, a list of texts a list of them. */
type Post<Body, Answer, Path extends object = object> = Record<
  "$post",
  { input: Path & { json: Body }; output: Answer; outputFormat: "json"; status: 200 }
>;

type Get<Answer> = Record<"$get", { input: object; output: Answer; outputFormat: "json"; status: 200 }>;

type Own = ReturnType<typeof ownSchemas>;
type HuggingFace = ReturnType<typeof huggingFaceSchemas>;
type Tei = ReturnType<typeof teiSchemas>;
type OpenAi = ReturnType<typeof openAiSchemas>;

/** A label and its probability, or another number if that was asked for. */
interface Scored {
  label: string;
  score: number;
}

interface Token {
  id: number;
  text: string;
  special: boolean;
  start: number | null;
  stop: number | null;
}

interface Embeddings {
  object: "list";
  data: { object: "embedding"; index: number; embedding: number[] | string }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

interface Moderations {
  id: string;
  model: string;
  results: {
    flagged: boolean;
    categories: Record<string, boolean>;
    category_scores: Record<string, number>;
    category_applied_input_types: Record<string, string[]>;
  }[];
}

type Routes = {
  "/health": Get<HealthJson>;
  "/clean": Post<InferOutput<Own["clean"]>, CleanJson | CleanJson[]>;
  "/v1/analyze": Post<InferOutput<Own["analyze"]>, AnalysisJson | AnalysisJson[]>;
  "/pipeline/fill-mask": Post<
    InferOutput<HuggingFace["fill-mask"]>,
    FillMaskJson[] | FillMaskJson[][] | FillMaskJson[][][]
  >;
  "/pipeline/text-classification": Post<InferOutput<HuggingFace["text-classification"]>, Scored[][]>;
  "/pipeline/sentence-similarity": Post<InferOutput<HuggingFace["sentence-similarity"]>, number[]>;
  "/pipeline/feature-extraction": Post<InferOutput<HuggingFace["feature-extraction"]>, number[][] | string[]>;
  "/models/:id": Post<InferOutput<HuggingFace[keyof HuggingFace]>, unknown, { param: { id: string } }>;
  "/predict": Post<InferOutput<Tei["predict"]>, Scored[] | Scored[][]>;
  "/embed": Post<InferOutput<Tei["embed"]>, number[][]>;
  "/tokenize": Post<InferOutput<Tei["tokenize"]>, Token[][]>;
  "/v1/embeddings": Post<InferOutput<OpenAi["embeddings"]>, Embeddings>;
  "/v1/moderations": Post<InferOutput<OpenAi["moderations"]>, Moderations>;
};
