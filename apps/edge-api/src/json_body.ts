import type { Context } from "hono";
import * as v from "valibot";
import { ApiError } from "./api_error.ts";

/**
 * The request's JSON body, checked against `schema`.
 *
 * Only what the schema names is kept, so that a `__proto__` in the body reaches no object of ours.
 *
 * @throws {ApiError} 415 if the body is not declared as JSON in UTF-8, 400 if it does not parse, 422 if it parses into
 *   something else than `schema` describes.
 */
export async function readJsonBody<Schema extends v.GenericSchema>(
  c: Context,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  requireJson(c.req.header("content-type"));
  const value = parse(decode(await c.req.arrayBuffer()));
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new ApiError(422, describe(result.issues[0]));
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

function parse(text: string): unknown {
  if (text.trim() === "") {
    throw new ApiError(400, 'Cannot read the body as it is empty: send JSON such as {"inputs":"…"}');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, "Cannot read the body as it does not parse as JSON");
  }
}

/** The first thing that is wrong, with the place: `parameters.top_k: …`. */
function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  return path === null
    ? `Cannot read the body: ${issue.message}`
    : `Cannot read "${path.slice(0, 100)}": ${issue.message}`;
}
