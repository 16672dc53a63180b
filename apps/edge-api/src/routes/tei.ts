import type { TextPair } from "@kcbert/pipelines";
import type { BertTokenizer, OffsetUnit } from "@kcbert/tokenizer";
import type { Context } from "hono";
import { ApiError } from "../api_error.ts";
import type { Asking } from "../ask.ts";
import { readJsonBody } from "../json_body.ts";
import type { ModelInUse } from "../models.ts";
import { streamLines, wantsLines } from "../ndjson.ts";
import { teiSchemas } from "../schemas/tei.ts";
import {
  type AppEnv,
  type AppHandler,
  askingFor,
  nameModel,
  type Questions,
  type Service,
} from "../service.ts";
import type { Task } from "../task.ts";
import { modelFor } from "./hugging_face.ts";

/** Routes of text-embeddings-inference, by their paths; the first model for each answers, or the one in `?model=NAME`. */
export function teiRoutes(service: Service): Readonly<Record<`/${string}`, AppHandler>> {
  const once = teiSchemas(service.limits);
  const streamed = teiSchemas(service.limits, service.limits.streamedItems);
  const schemas = (c: Context): typeof once => (wantsLines(c) ? streamed : once);
  const run = runner(service);
  return {
    async "/predict"(c) {
      const body = await readJsonBody(c, schemas(c).predict);
      const { items, isBatch } = sequences(body.inputs);
      const options = {
        topK: null,
        truncate: body.truncate ?? true,
        ...(body.raw_scores === true ? { functionToApply: "none" as const } : {}),
        ...(body.truncation_direction ? { direction: body.truncation_direction } : {}),
      };
      const work: Worker<TextPair> = async ({ askLabels }, asking, use, pairs) =>
        (await askLabels(asking, use, pairs, options)).map((labels) =>
          labels.map(({ label, score }) => ({ score, label })),
        );
      return run(c, "text-classification", items, work, { isBatch });
    },
    async "/embed"(c) {
      const body = await readJsonBody(c, schemas(c).embed);
      const options = {
        ...cuttingOf(body),
        normalize: body.normalize ?? true,
        ...(body.dimensions ? { dimensions: body.dimensions } : {}),
      };
      const work: Worker<string> = async ({ askEmbeddings }, asking, use, texts) =>
        (await askEmbeddings(asking, use, texts, options)).map((vector) => [...vector]);
      return run(c, "feature-extraction", listOf(body.inputs), work);
    },
    async "/embed_all"(c) {
      const body = await readJsonBody(c, schemas(c).embedAll);
      const work: Worker<string> = async ({ askTokenEmbeddings }, asking, use, texts) =>
        (await askTokenEmbeddings(asking, use, texts, cuttingOf(body))).map((vectors) =>
          vectors.map((vector) => [...vector]),
        );
      return run(c, "feature-extraction", listOf(body.inputs), work);
    },
    async "/embed_sparse"() {
      throw new ApiError(424, "This server has no model for sparse embeddings: POST /embed gives dense ones");
    },
    async "/similarity"(c) {
      const { inputs, parameters } = await readJsonBody(c, schemas(c).similarity);
      const work: Worker<string> = ({ askSimilarities }, asking, use, sentences) =>
        askSimilarities(asking, use, inputs.source_sentence, sentences, cuttingOf(parameters ?? {}));
      return run(c, "sentence-similarity", inputs.sentences, work);
    },
    async "/rerank"(c) {
      const body = await readJsonBody(c, schemas(c).rerank);
      const options = {
        topK: null,
        truncate: body.truncate ?? true,
        functionToApply: body.raw_scores === true ? ("none" as const) : ("sigmoid" as const),
      };
      const pairs = body.texts.map((text) => ({ text: body.query, textPair: text }));
      const work: Worker<TextPair> = async ({ askLabels }, asking, use, items) => {
        requireReranker(use);
        const ranks = (await askLabels(asking, use, items, options)).map(([best], index) => ({
          index,
          score: best!.score,
          ...(body.return_text === true ? { text: body.texts[index]! } : {}),
        }));
        return ranks.sort((a, b) => b.score - a.score);
      };
      return run(c, "text-classification", pairs, work);
    },
    async "/tokenize"(c) {
      const body = await readJsonBody(c, schemas(c).tokenize);
      const unit = body.offset_unit ?? "byte"; // what text-embeddings-inference counts
      const special = body.add_special_tokens ?? true;
      const work: Worker<string> = async (_, asking, { model }, texts) =>
        texts.map((text) => {
          asking.usage.texts += 1;
          return tokensOf(model.tokenizer, text, special, unit);
        });
      return run(c, undefined, listOf(body.inputs), work);
    },
    async "/decode"(c) {
      const body = await readJsonBody(c, schemas(c).decode);
      const { ids, skip_special_tokens: skip } = body;
      const lists = (Array.isArray(ids[0]) ? ids : [ids]) as number[][];
      const work: Worker<number[]> = async (_, __, { model }, items) =>
        items.map((list) => model.tokenizer.decode(list, { skipSpecialTokens: skip ?? true }));
      return run(c, undefined, lists, work);
    },
  };
}

/** `GET /info`: what text-embeddings-inference tells about its model. */
export function infoRoute({ models, limits }: Service, version: string): AppHandler {
  return async (c) => {
    const named = c.req.query("model");
    const [first] = models.list();
    if (first === undefined) throw new ApiError(404, "This server has no model");
    const described = await models.describe(named === undefined ? first : models.require(named));
    if (described === undefined) {
      throw new ApiError(429, "The model is not there yet: try again in 5 seconds", { retryAfter: 5 });
    }
    const { id, version: state, facts } = described;
    const labels = {
      id2label: Object.fromEntries(facts.labels.entries()),
      label2id: Object.fromEntries(facts.labels.map((l, i) => [l, i])),
    };
    return c.json({
      model_id: id,
      model_sha: state.revision,
      model_dtype: facts.dtype,
      model_type:
        facts.task === "text-classification" ? { classifier: labels } : { embedding: { pooling: "mean" } },
      served_model_name: id,
      max_concurrent_requests: limits.concurrentRequests,
      max_input_length: facts.maxInputLength,
      max_batch_tokens: limits.batchTokens,
      max_batch_requests: limits.batchItems,
      max_client_batch_size: limits.items,
      auto_truncate: true,
      tokenization_workers: 1,
      version,
      sha: null,
      docker_label: null,
    });
  };
}

// --- internal ---

type Worker<Item> = (ask: Questions, asking: Asking, use: ModelInUse, items: Item[]) => Promise<unknown[]>;

function runner(service: Service) {
  return async <Item>(
    c: Context<AppEnv>,
    task: Task | undefined,
    items: readonly Item[],
    work: Worker<Item>,
    { isBatch = true }: { isBatch?: boolean } = {},
  ): Promise<Response> => {
    const id = await modelFor(service, c, task ?? "feature-extraction");
    const { questions: ask } = await import("../ask.ts");
    if (wantsLines(c)) {
      await service.models.use(id, task, async (use) => nameModel(c, use));
      const asking = { ...askingFor(service, c), signal: c.req.raw.signal };
      return streamLines(c, items, (chunk) =>
        service.models.use(id, task, (use) => work(ask, asking, use, chunk)),
      );
    }
    return service.models.use(id, task, async (use) => {
      const json = await work(ask, askingFor(service, c), use, [...items]);
      nameModel(c, use);
      return c.json(isBatch ? json : (json[0] as object));
    });
  };
}

/** A text, a pair `["a", "b"]`, or a batch of either: `[["a"], ["b", "c"]]`. */
function sequences(inputs: string | string[] | string[][]): { items: TextPair[]; isBatch: boolean } {
  const pair = ([text = "", textPair]: string[]): TextPair =>
    textPair === undefined ? { text } : { text, textPair };
  if (typeof inputs === "string") return { items: [{ text: inputs }], isBatch: false };
  if (isNested(inputs)) return { items: inputs.map(pair), isBatch: true };
  return { items: [pair(inputs)], isBatch: false };
}

function isNested(inputs: string[] | string[][]): inputs is string[][] {
  return Array.isArray(inputs[0]);
}

function listOf(inputs: string | string[]): string[] {
  return typeof inputs === "string" ? [inputs] : inputs;
}

interface CuttingJson {
  truncate?: boolean | null | undefined;
  truncation_direction?: "left" | "right" | null | undefined;
}

function cuttingOf({ truncate, truncation_direction: direction }: CuttingJson) {
  return { truncate: truncate ?? true, ...(direction ? { direction } : {}) };
}

function requireReranker({ id, model }: ModelInUse): void {
  if (model.config.numLabels === 1) return;
  throw new ApiError(
    424,
    `The model "${id}" does not rerank as that takes one label: it has ${model.config.numLabels}; POST /similarity compares embeddings`,
  );
}

/** The tokens of a text as it was sent, and where they stand. */
function tokensOf(tokenizer: BertTokenizer, text: string, special: boolean, unit: OffsetUnit): object[] {
  const options = { truncation: false, padding: false, addSpecialTokens: special } as const;
  const encoding = tokenizer.encode(text, { ...options, offsetUnit: "utf16" });
  const inUnit = unit === "utf16" ? encoding : tokenizer.encode(text, { ...options, offsetUnit: unit });
  return Array.from(encoding.ids, (id, i) => {
    if (encoding.specialTokensMask[i] === 1) {
      return { id, text: encoding.tokens[i]!, special: true, start: null, stop: null };
    }
    const written = text.slice(encoding.offsets[2 * i], encoding.offsets[2 * i + 1]);
    return {
      id,
      text: written,
      special: false,
      start: inUnit.offsets[2 * i]!,
      stop: inUnit.offsets[2 * i + 1]!,
    };
  });
}
