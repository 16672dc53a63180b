import type { Context } from "hono";
import * as v from "valibot";
import { ApiError } from "./api_error.ts";
import type { AppEnv } from "./service.ts";

/**
 * The request's JSON body, not yet checked against a schema, but for its depth.
 *
 * @throws {ApiError} 415 if the body is not declared as JSON in UTF-8, 400 if it does not parse, 422 if it is nested too
 *   deep.
 */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  requireJson(c.req.header("content-type"));
  const text = decode(await c.req.arrayBuffer());
  c.set("body", text);
  const { bodyDepth } = c.var.limits;
  if (text.trim() === "") {
    throw new ApiError(400, 'Cannot read the body as it is empty: send JSON such as {"inputs":"…"}');
  }
  if (isDeeper(text, bodyDepth)) {
    throw new ApiError(
      422,
      `Cannot read the body as it is nested deeper than ${bodyDepth} lists and objects`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "Cannot read the body as it does not parse as JSON");
  }
}

/**
 * A body checked against `schema`.
 *
 * Only what the schema names is kept, so that a `__proto__` in the body reaches no object of ours.
 *
 * @throws {ApiError} 422 if it is something else than `schema` describes.
 */
export function check<const Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  if (path === null) throw new ApiError(422, `Cannot read the body: ${issue.message}`);
  const param = path.slice(0, 100);
  const isEmpty = issue.type === "min_length" && /^inputs?$/.test(path);
  throw new ApiError(isEmpty ? 400 : 422, `Cannot read "${param}": ${issue.message}`, {
    param,
    ...(isEmpty ? { errorType: "Empty" } : {}),
  });
}

/** {@link readJson}, then {@link check}. */
export async function readJsonBody<const Schema extends v.GenericSchema>(
  c: Context<AppEnv>,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  return check(schema, await readJson(c));
}

// --- internal ---

const fatalUtf8 = new TextDecoder("utf-8", { fatal: true });

function requireJson(contentType: string | undefined): void {
  const [type = "", ...parameters] = (contentType ?? "").toLowerCase().split(";");
  const charset = parameters.find((parameter) => parameter.trim().startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset.trim());
  if (/^application\/(?:[\w.+-]+\+)?json$/.test(type.trim()) && isUtf8) return;
  const given = contentType === undefined ? "there is none" : `it is "${contentType.slice(0, 100)}"`;
  throw new ApiError(415, `Cannot read the body as Content-Type must be application/json in UTF-8: ${given}`);
}

function decode(bytes: ArrayBuffer): string {
  try {
    return fatalUtf8.decode(bytes);
  } catch {
    throw new ApiError(400, "Cannot read the body as it must be UTF-8: it holds a byte sequence that is not");
  }
}

/** Whether a JSON text nests lists and objects deeper than so many. */
function isDeeper(text: string, most: number): boolean {
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isString) {
      if (code === backslash) i += 1;
      else if (code === quote) isString = false;
    } else if (code === quote) {
      isString = true;
    } else if (code === openList || code === openObject) {
      depth += 1;
      if (depth > most) return true;
    } else if (code === closeList || code === closeObject) {
      depth -= 1;
    }
  }
  return false;
}

const [quote, backslash] = [0x22, 0x5c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
