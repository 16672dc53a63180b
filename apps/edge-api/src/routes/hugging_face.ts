import type { FillMaskAnswer, TextPair } from "@kcbert/pipelines";
import type { Context } from "hono";
import type * as v from "valibot";
import { ApiError } from "../api_error.ts";
import type { Asking } from "../ask.ts";
import { check, readJson } from "../json_body.ts";
import type { ModelInUse } from "../models.ts";
import { streamLines, wantsLines } from "../ndjson.ts";
import { huggingFaceSchemas } from "../schemas/hugging_face.ts";
import {
  type AppEnv,
  type AppHandler,
  askingFor,
  nameModel,
  type Questions,
  type Service,
} from "../service.ts";
import { canDo, type Task, taskNamed } from "../task.ts";
import { base64, entityJson } from "./_json.ts";

/** One answer as Hugging Face's fill-mask task writes it. */
export interface FillMaskJson {
  /** The text with the token in place. */
  readonly sequence: string;
  /** Probability, in [0, 1]. */
  readonly score: number;
  /** The token's id. */
  readonly token: number;
  /** The token as text; a continuation keeps its `##`. */
  readonly token_str: string;
}

/**
 * Hugging Face's tasks: `POST /models/{id}` by what the model is for, `/models/{id}/pipeline/{task}`, `/pipeline/{task}` by the
 * first model for it, and `POST /` for clients that use the address they are given as it is.
 */
export function huggingFaceRoutes(service: Service): Record<"model" | "pipeline" | "root", AppHandler> {
  const tasks = taskHandlers(service);
  const { models } = service;
  const answer = (c: Context<AppEnv>, id: string, task: Task, body: unknown): Promise<Response> =>
    tasks[task](c, id, body);
  return {
    async model(c) {
      const { id, task } = splitPath(decodePath(c));
      const served = models.require(id);
      const asked = task === undefined ? undefined : requireTask(id, task);
      const body = await readJson(c);
      const own = (await models.describe(served))?.facts.task ?? "fill-mask"; // one that is not there yet says so later
      return answer(c, id, asked ?? taskOfBody(own, body), body);
    },
    async pipeline(c) {
      const name = c.req.param("task") ?? "";
      const task = requireTask("", name);
      return answer(c, await modelFor(service, c, task), task, await readJson(c));
    },
    async root(c) {
      const body = await readJson(c);
      const { id, task } = await guess(service, body);
      return answer(c, id, task, body);
    },
  };
}

/** The model that a request names in its address, as in `?model=NAME`, else the first for the task. */
export async function modelFor({ models }: Service, c: Context, task: Task): Promise<string> {
  const named = c.req.query("model");
  return named === undefined ? models.requireFor(task) : models.require(named).id;
}

// --- internal ---

type TaskHandler = (c: Context<AppEnv>, id: string, body: unknown) => Promise<Response>;
type Schemas = ReturnType<typeof huggingFaceSchemas>;
type Body<Name extends Task> = v.InferOutput<Schemas[Name]>;
/** A text or several, and what is said of each. */
type Worker<Item> = (ask: Questions, asking: Asking, use: ModelInUse, items: Item[]) => Promise<unknown[]>;

function taskHandlers(service: Service): Record<Task, TaskHandler> {
  const once = huggingFaceSchemas(service.limits);
  const streamed = huggingFaceSchemas(service.limits, service.limits.streamedItems);
  const read = <Name extends Task>(c: Context<AppEnv>, name: Name, body: unknown): Body<Name> => {
    const schema = (wantsLines(c) ? streamed : once)[name];
    const whole = isObject(body) && body.inputs === undefined ? { ...body, inputs: body["instances"] } : body;
    return check(schema as v.GenericSchema<unknown, Body<Name>>, whole);
  };
  const run = runner(service);
  return {
    async "fill-mask"(c, id, body) {
      const { inputs, parameters } = read(c, "fill-mask", body);
      const options = {
        topK: parameters?.top_k ?? 5,
        ...(parameters?.targets ? { targets: parameters.targets } : {}),
      };
      const work: Worker<string> = async ({ askFillMask }, asking, use, texts) => {
        if (parameters?.multi_mask !== true) for (const text of texts) requireOneMask(use, text);
        return (await askFillMask(asking, use, texts, options)).map(fillMaskJson);
      };
      return run(c, id, "fill-mask", inputs, work, { unwrapOne: true });
    },
    async "text-classification"(c, id, body) {
      const { inputs, parameters } = read(c, "text-classification", body);
      const options = {
        topK: parameters?.top_k ?? null,
        ...(parameters?.function_to_apply ? { functionToApply: parameters.function_to_apply } : {}),
        truncate: parameters?.truncate ?? true,
      };
      const pairs = isObject(inputs)
        ? [asPair(inputs as PairJson)]
        : asList(inputs).map((text) => ({ text }));
      const work: Worker<TextPair> = ({ askLabels }, asking, use, items) =>
        askLabels(asking, use, items, options);
      return run(c, id, "text-classification", pairs, work);
    },
    async "token-classification"(c, id, body) {
      const { inputs, parameters } = read(c, "token-classification", body);
      const options = {
        aggregationStrategy: parameters?.aggregation_strategy ?? "simple",
        offsetUnit: parameters?.offset_unit ?? "codepoint",
        ...(parameters?.ignore_labels ? { ignoreLabels: parameters.ignore_labels } : {}),
        ...(typeof parameters?.stride === "number" ? { stride: parameters.stride } : {}),
      };
      const work: Worker<string> = async ({ askTokens }, asking, use, texts) =>
        (await askTokens(asking, use, texts, options)).map((found) => found.map(entityJson));
      return run(c, id, "token-classification", inputs, work, { unwrapOne: typeof inputs === "string" });
    },
    async "question-answering"(c, id, body) {
      const { inputs, parameters: given } = read(c, "question-answering", body);
      const options = {
        topK: given?.top_k ?? 1,
        offsetUnit: given?.offset_unit ?? "codepoint",
        ...(typeof given?.doc_stride === "number" ? { docStride: given.doc_stride } : {}),
        ...(typeof given?.max_answer_len === "number" ? { maxAnswerLen: given.max_answer_len } : {}),
        ...(typeof given?.max_seq_len === "number" ? { maxSeqLen: given.max_seq_len } : {}),
        handleImpossibleAnswer: given?.handle_impossible_answer ?? false,
        alignToWords: given?.align_to_words ?? true,
      };
      const work: Worker<typeof inputs> = async ({ askQuestions }, asking, use, items) => {
        const answers = await askQuestions(asking, use, items, options);
        return answers.map((list) => (options.topK === 1 ? list[0]! : list));
      };
      return run(c, id, "question-answering", [inputs], work, { unwrapOne: true });
    },
    async "sentence-similarity"(c, id, body) {
      const { inputs, parameters } = read(c, "sentence-similarity", body);
      const { source_sentence: source, sentences } = inputs;
      const cutting = { truncate: parameters?.truncate ?? true };
      const work: Worker<string> = ({ askSimilarities }, asking, use, items) =>
        askSimilarities(asking, use, source, items, cutting);
      return run(c, id, "sentence-similarity", sentences, work);
    },
    async "feature-extraction"(c, id, body) {
      const given = read(c, "feature-extraction", body);
      const options = {
        normalize: given.normalize ?? given.parameters?.normalize ?? true,
        truncate: given.truncate ?? given.parameters?.truncate ?? true,
        ...(given.truncation_direction ? { direction: given.truncation_direction } : {}),
        ...(given.dimensions ? { dimensions: given.dimensions } : {}),
      };
      const write = (vector: Float32Array): string | number[] =>
        given.encoding_format === "base64" ? base64(vector) : [...vector];
      const work: Worker<string> = async ({ askEmbeddings }, asking, use, texts) =>
        (await askEmbeddings(asking, use, texts, options)).map(write);
      return run(c, id, "feature-extraction", given.inputs, work);
    },
  };
}

/** Runs what a task does for a list of items, at once or line by line. */
function runner(service: Service) {
  return async <Item extends object | string>(
    c: Context<AppEnv>,
    id: string,
    task: Task,
    inputs: Item | readonly Item[],
    work: Worker<Item>,
    { unwrapOne = false }: { unwrapOne?: boolean } = {},
  ): Promise<Response> => {
    const items = asList(inputs);
    const { questions: ask } = await import("../ask.ts");
    if (wantsLines(c)) {
      await service.models.use(id, task, async (use) => nameModel(c, use)); // what is amiss with the model is a status
      const asking = { ...askingFor(service, c), signal: c.req.raw.signal }; // its lines are its own clock
      return streamLines(c, items, (chunk) =>
        service.models.use(id, task, (use) => work(ask, asking, use, chunk)),
      );
    }
    return service.models.use(id, task, async (use) => {
      const json = await work(ask, askingFor(service, c), use, [...items]);
      nameModel(c, use);
      return c.json(unwrapOne && json.length === 1 ? (json[0] as object) : json);
    });
  };
}

const prefix = "/models/";

/** The path behind `/models/`, with `%2F` and the like read as what they stand for. */
function decodePath(c: Context): string {
  const path = new URL(c.req.url).pathname.slice(prefix.length);
  try {
    return decodeURIComponent(path);
  } catch {
    throw new ApiError(
      400,
      `Cannot read the model's name as it is not percent-encoded UTF-8: "${path.slice(0, 200)}"`,
    );
  }
}

function splitPath(path: string): { id: string; task: string | undefined } {
  const [, id = path, task] = /^(.+)\/pipeline\/([^/]+)$/.exec(path) ?? [];
  return { id, task };
}

function requireTask(id: string, name: string): Task {
  const task = taskNamed(name);
  if (task !== undefined) return task;
  const who = id === "" ? "This server" : `The model "${id}"`;
  throw new ApiError(
    424,
    `${who} does not do "${name.slice(0, 100)}": tasks are fill-mask, text-classification, token-classification, question-answering, sentence-similarity, feature-extraction`,
  );
}

/** The one task that a body is for whatever the model, if its shape says so. */
function shapeOf(body: unknown): Task | undefined {
  if (!isObject(body)) return undefined;
  const { inputs } = body;
  if (isObject(inputs) && "source_sentence" in inputs) return "sentence-similarity";
  if (isObject(inputs) && "question" in inputs) return "question-answering";
  const parameters = isObject(body["parameters"]) ? body["parameters"] : {};
  if (["aggregation_strategy", "ignore_labels", "stride"].some((key) => parameters[key] !== undefined))
    return "token-classification";
  if (parameters["function_to_apply"] !== undefined) return "text-classification";
  const isForFeatures = ["normalize", "prompt_name", "dimensions", "encoding_format", "truncate"].some(
    (key) => body[key] !== undefined && body[key] !== null,
  );
  return isForFeatures ? "feature-extraction" : undefined;
}

/** What a body asks of a model that is for `own`. */
function taskOfBody(own: Task, body: unknown): Task {
  const shape = shapeOf(body);
  if (shape === "sentence-similarity" || shape === "feature-extraction") return shape;
  return own;
}

/** The model and the task that a body is for, where the address says neither. */
async function guess({ models }: Service, body: unknown): Promise<{ id: string; task: Task }> {
  const [first] = models.list();
  if (first === undefined) throw new ApiError(404, "This server has no model");
  const shape = shapeOf(body);
  if (shape !== undefined) return { id: await models.requireFor(shape), task: shape };
  const inputs = isObject(body) ? (body.inputs ?? body["instances"]) : undefined;
  const hasMask = JSON.stringify(inputs ?? "").includes("[MASK]");
  const likely: Task[] = hasMask
    ? ["fill-mask"]
    : ["text-classification", "token-classification", "question-answering"];
  for (const described of await models.describeAll()) {
    if (likely.some((task) => described.facts.task === task)) {
      return { id: described.id, task: described.facts.task };
    }
  }
  const own = (await models.describe(first))?.facts.task ?? "fill-mask";
  return { id: first.id, task: canDo(own, "fill-mask") ? own : taskOfBody(own, body) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asList<Item>(inputs: Item | readonly Item[]): readonly Item[] {
  return Array.isArray(inputs) ? inputs : [inputs as Item];
}

interface PairJson {
  text: string;
  text_pair?: string | null | undefined;
}

function asPair({ text, text_pair: textPair }: PairJson): TextPair {
  return textPair === undefined || textPair === null ? { text } : { text, textPair };
}

function requireOneMask({ model: { clean, tokenizer } }: ModelInUse, text: string): void {
  const mask = tokenizer.idToToken(tokenizer.maskId) ?? "[MASK]";
  const count = clean(text).text.split(mask).length - 1;
  if (count === 1) return;
  const found = count === 0 ? "no mask" : `${count} masks`;
  throw new ApiError(422, `Cannot fill the mask as the text must hold ${mask} once: it holds ${found}`, {
    param: "inputs",
  });
}

function fillMaskJson(result: FillMaskAnswer[] | FillMaskAnswer[][]): FillMaskJson[] | FillMaskJson[][] {
  return isNested(result) ? result.map((list) => list.map(answerJson)) : result.map(answerJson);
}

function isNested(result: FillMaskAnswer[] | FillMaskAnswer[][]): result is FillMaskAnswer[][] {
  return Array.isArray(result[0]);
}

function answerJson({ sequence, score, token, tokenStr }: FillMaskAnswer): FillMaskJson {
  return { sequence, score, token, token_str: tokenStr };
}
