import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import type { Limits } from "./limits.ts";
import { huggingFaceSchemas } from "./schemas/hugging_face.ts";
import { openAiSchemas } from "./schemas/openai.ts";
import { ownSchemas } from "./schemas/ours.ts";
import { teiSchemas } from "./schemas/tei.ts";
import { version } from "./version.ts";

/** A route, as the documentation tells it. */
export interface DocumentedRoute {
  /** Its method. */
  readonly method: "get" | "post";
  /** Its path; `{id}` may hold slashes. */
  readonly path: string;
  /** Whose convention it is. */
  readonly tag: "Hugging Face" | "text-embeddings-inference" | "OpenAI" | "KcBERT" | "Server";
  /** What it answers. */
  readonly summary: string;
  /** What its body must be; the schema that checks it. */
  readonly body?: v.GenericSchema;
  /** A body that it answers. */
  readonly example?: unknown;
  /** Media type of its answer, where that is not JSON. */
  readonly answers?: string;
  /** Whether anybody may ask, with a key set or not. */
  readonly isOpen?: boolean;
}

/** Every route of the API, with the schemas that check its requests. */
export function documentedRoutes(limits: Limits): DocumentedRoute[] {
  const [hf, tei] = [huggingFaceSchemas(limits), teiSchemas(limits)];
  const [openAi, own] = [openAiSchemas(limits), ownSchemas(limits)];
  const inputs = "오늘 영화 정말 재밌다";
  const similarity = { inputs: { source_sentence: "재밌다", sentences: ["최고다", "지루하다"] } };
  const pipelines = [
    ["fill-mask", "The likeliest tokens behind [MASK]", { inputs: "오늘 영화 정말 [MASK]" }],
    ["text-classification", "Labels of a text, best first", { inputs }],
    [
      "token-classification",
      "Names in a text; offsets count code points",
      { inputs: "손흥민이 런던에서 골을 넣었다" },
    ],
    [
      "question-answering",
      "The answer to a question, out of its context",
      { inputs: { question: "누가?", context: "손흥민이 골을 넣었다" } },
    ],
    ["sentence-similarity", "How alike sentences are, in [−1, 1]", similarity],
    ["feature-extraction", "Embeddings of texts", { inputs }],
  ] as const;
  const hfTag = { method: "post", tag: "Hugging Face" } as const;
  const teiTag = { method: "post", tag: "text-embeddings-inference" } as const;
  const server = { method: "get", tag: "Server", isOpen: true } as const;
  return [
    ...pipelines.map(([task, summary, example]) => ({
      ...hfTag,
      path: `/pipeline/${task}`,
      summary: `${summary}; the first model for it answers, or the one in ?model=NAME`,
      body: hf[task] as v.GenericSchema,
      example,
    })),
    ...pipelines.map(([task, summary, example]) => ({
      ...hfTag,
      path: `/models/{id}/pipeline/${task}`,
      summary: `${summary}, by one model`,
      body: hf[task] as v.GenericSchema,
      example,
    })),
    { ...hfTag, path: "/models/{id}", summary: "What the model is for", example: { inputs } },
    { ...hfTag, path: "/", summary: "The first model that the body can be meant for", example: { inputs } },
    {
      ...teiTag,
      path: "/predict",
      summary: "Labels of texts or of pairs of texts",
      body: tei.predict,
      example: { inputs },
    },
    { ...teiTag, path: "/embed", summary: "Embeddings of texts", body: tei.embed, example: { inputs } },
    {
      ...teiTag,
      path: "/embed_all",
      summary: "Embeddings of their tokens",
      body: tei.embedAll,
      example: { inputs },
    },
    {
      ...teiTag,
      path: "/similarity",
      summary: "How alike sentences are",
      body: tei.similarity,
      example: similarity,
    },
    {
      ...teiTag,
      path: "/rerank",
      summary: "Texts by how well they answer a query, by a model with one label",
      body: tei.rerank,
      example: { query: "재밌는 영화", texts: ["최고다", "지루하다"] },
    },
    {
      ...teiTag,
      path: "/tokenize",
      summary: "Tokens of texts; offsets count UTF-8 bytes",
      body: tei.tokenize,
      example: { inputs },
    },
    {
      ...teiTag,
      path: "/decode",
      summary: "Texts of token ids",
      body: tei.decode,
      example: { ids: [2, 5, 3] },
    },
    { ...teiTag, method: "get", path: "/info", summary: "The first model, or the one in ?model=NAME" },
    {
      method: "post",
      tag: "OpenAI",
      path: "/v1/embeddings",
      summary: "Embeddings of texts or token ids",
      body: openAi.embeddings,
      example: { input: inputs, model: "text-embedding-3-small" },
    },
    {
      method: "post",
      tag: "OpenAI",
      path: "/v1/moderations",
      summary: "Whether texts do harm: OpenAI's categories, and the models' own labels beside them",
      body: openAi.moderations,
      example: { input: inputs },
    },
    { method: "get", tag: "OpenAI", path: "/v1/models", summary: "The models that are there" },
    {
      method: "post",
      tag: "KcBERT",
      path: "/clean",
      summary: "What KcBERT's cleaning leaves of texts, and where each UTF-16 code unit of it stood",
      body: own.clean,
      example: { inputs: "★ㅋㅋㅋㅋㅋ 최고" },
    },
    {
      method: "post",
      tag: "KcBERT",
      path: "/v1/analyze",
      summary: "What all classifiers here say of raw comments; offsets count UTF-16 code units",
      body: own.analyze,
      example: { inputs: "★손흥민★ 최고ㅋㅋㅋㅋㅋ", explain: true },
    },
    { ...server, path: "/health", summary: "Which models can answer, and where the training stands" },
    { ...server, path: "/livez", summary: "200 while the server answers" },
    { ...server, path: "/readyz", summary: "200 once the first model has passed its self-test" },
    { ...server, path: "/metrics", summary: "Prometheus metrics", answers: "text/plain" },
    {
      ...server,
      path: "/training/events",
      summary: "The training run, as it happens",
      answers: "text/event-stream",
      isOpen: false,
    },
  ];
}

/** The OpenAPI 3.1 document of the server, from the schemas that check its requests. */
export function openApiDocument(limits: Limits, hasKeys: boolean): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of documentedRoutes(limits)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route, hasKeys) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "KcBERT",
      version,
      description:
        "KcBERT models over HTTP, for the clients of Hugging Face, text-embeddings-inference and OpenAI. Lists are answered line by line with `Accept: application/x-ndjson`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: { Error: errorSchema, OpenAiError: openAiErrorSchema },
      ...(hasKeys ? { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } } : {}),
    },
  };
}

// --- internal ---

function operation(
  { method, path, tag, summary, body, example, answers, isOpen }: DocumentedRoute,
  hasKeys: boolean,
): object {
  const name = `${method}_${path.replaceAll(/\W+/g, "_")}`.replaceAll(/_+$/g, "");
  const error = path.startsWith("/v1/") ? "OpenAiError" : "Error";
  const failure = { $ref: `#/components/schemas/${error}` };
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(path.includes("{id}")
      ? { parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }] }
      : {}),
    ...(hasKeys && isOpen !== true ? { security: [{ bearer: [] }] } : {}),
    ...(method === "post"
      ? {
          requestBody: {
            required: true,
            content: {
              "application/json": {
                schema: body === undefined ? { type: "object" } : jsonSchema(body),
                example,
              },
            },
          },
        }
      : {}),
    responses: {
      200: { description: "The answer", content: { [answers ?? "application/json"]: {} } },
      ...(method === "post"
        ? {
            default: {
              description: "Why there is none",
              content: { "application/json": { schema: failure } },
            },
          }
        : {}),
    },
  };
}

/** The schema of a body; what JSON Schema cannot say of it is left out. */
function jsonSchema(schema: v.GenericSchema): object {
  const { $schema: _, ...json } = toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" });
  return json;
}

const errorSchema = {
  type: "object",
  required: ["error", "error_type"],
  properties: {
    error: { type: "string" },
    error_type: { enum: ["Validation", "Empty", "Backend", "Overloaded"] },
  },
};

const openAiErrorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "code", "param"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        code: { type: ["string", "null"] },
        param: { type: ["string", "null"] },
      },
    },
  },
};
