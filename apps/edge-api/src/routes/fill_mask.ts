import type { FillMaskAnswer, FillMaskOptions, FillMaskPipeline } from "@kcbert/pipelines";
import type { Context, Handler } from "hono";
import { ApiError } from "../api_error.ts";
import { readJsonBody } from "../json_body.ts";
import type { Models } from "../models.ts";
import type { FillMaskBody, RequestSchemas } from "../schemas.ts";

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
 * `POST /models/{id}` and `/models/{id}/pipeline/fill-mask`: Hugging Face's fill-mask task.
 *
 * One text is answered with its list, best first; several with a list of lists, except that a list of one text is
 * answered like the text, as Hugging Face does.
 */
export function fillMaskRoute(models: Models, schemas: RequestSchemas): Handler {
  return async (c) => {
    const { id, task } = splitPath(decodePath(c));
    if (task !== undefined && task !== "fill-mask") {
      throw new ApiError(
        424,
        `The model "${id}" does not do "${task.slice(0, 100)}": its task is "fill-mask"`,
      );
    }
    return answer(c, models, schemas, id);
  };
}

/** `POST /`: the first model, for clients that use the address they are given as it is. */
export function defaultModelRoute(models: Models, schemas: RequestSchemas): Handler {
  return async (c) => {
    const [first] = models.list();
    if (first === undefined) throw new ApiError(404, "This server has no model");
    return answer(c, models, schemas, first.id);
  };
}

// --- internal ---

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

async function answer(c: Context, models: Models, schemas: RequestSchemas, id: string): Promise<Response> {
  models.require(id);
  const body = await readJsonBody(c, schemas.fillMask);
  return models.use(id, async (pipeline, version) => {
    const json = await fill(pipeline, body, c.req.raw.signal);
    c.header("X-Model-Revision", version.revision);
    c.header(
      "X-Model-State",
      version.step === null ? version.state : `${version.state}; step=${version.step}`,
    );
    return c.json(json);
  });
}

async function fill(
  pipeline: FillMaskPipeline,
  { inputs, parameters }: FillMaskBody,
  signal: AbortSignal,
): Promise<FillMaskJson[] | FillMaskJson[][] | FillMaskJson[][][]> {
  const texts = typeof inputs === "string" ? [inputs] : inputs;
  if (parameters?.multi_mask !== true) for (const text of texts) requireOneMask(pipeline, text);
  const options: FillMaskOptions = {
    topK: parameters?.top_k ?? 5,
    signal,
    ...(parameters?.targets ? { targets: parameters.targets } : {}),
  };
  const results = await explained(() => pipeline.runAll(texts, options));
  const json = results.map((result) =>
    isNested(result) ? result.map((list) => list.map(toJson)) : result.map(toJson),
  );
  return json.length === 1 ? json[0]! : (json as FillMaskJson[][]);
}

function requireOneMask({ clean, tokenizer }: FillMaskPipeline, text: string): void {
  const mask = tokenizer.idToToken(tokenizer.maskId) ?? "[MASK]";
  const count = clean(text).split(mask).length - 1;
  if (count === 1) return;
  const found = count === 0 ? "no mask" : `${count} masks`;
  throw new ApiError(422, `Cannot fill the mask as the text must hold ${mask} once: it holds ${found}`);
}

/** What the pipeline says of a text is meant for whoever sent it. */
async function explained<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new ApiError(422, error.message, { cause: error });
    }
    throw error;
  }
}

function isNested(result: FillMaskAnswer[] | FillMaskAnswer[][]): result is FillMaskAnswer[][] {
  return Array.isArray(result[0]);
}

function toJson({ sequence, score, token, tokenStr }: FillMaskAnswer): FillMaskJson {
  return { sequence, score, token, token_str: tokenStr };
}
