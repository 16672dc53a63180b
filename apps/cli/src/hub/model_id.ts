import { UsageError } from "../failure.ts";

/** The name of a model on the hub, and which of its versions is meant. */
export interface ModelId {
  /** `beomi/kcbert-base`, or a name without an owner. */
  readonly id: string;
  /** A branch, a tag or a commit; `main` unless another is named. */
  readonly revision: string;
}

/** What a commit's name looks like. */
export const COMMIT: RegExp = /^[0-9a-f]{40}$/;

/**
 * Read a model's name, with or without a revision behind an `@`: `beomi/kcbert-base@main`.
 *
 * @returns The name, or `undefined` for a text that cannot be one, such as a path.
 */
export function parseModelId(text: string): ModelId | undefined {
  const [id, revision = "main", ...rest] = text.split("@");
  if (rest.length > 0 || !isId(id!) || !isRevision(revision)) return undefined;
  return { id: id!, revision };
}

/**
 * Read the name that a command line gives, and its `--revision`.
 *
 * @throws {UsageError} If the text is no name, or names a revision twice; an address of the hub's pages gets the name
 * that is in it as a hint.
 */
export function requireModelId(text: string, revision?: string): ModelId {
  const parsed = parseModelId(text);
  if (parsed === undefined) throw new UsageError(`Cannot use ${text} as the name of a model: ${hint(text)}`);
  if (revision === undefined) return parsed;
  if (text.includes("@")) {
    throw new UsageError(`Cannot use --revision ${revision} with ${text}: the name has a revision already`);
  }
  if (isRevision(revision)) return { id: parsed.id, revision };
  throw new UsageError(`Cannot use --revision ${revision}: it takes a branch, a tag or a commit`);
}

// --- internal ---

function isId(text: string): boolean {
  const parts = text.split("/");
  if (parts.length > 2 || text.length > 96 || /--|\.\./.test(text)) return false;
  return parts.every((part) => /^\w(?:[\w.-]*\w)?$/.test(part)) && !text.endsWith(".git");
}

/** As git allows them, and no path out of a folder. */
function isRevision(text: string): boolean {
  return /^[\w][\w./+=-]*$/.test(text) && !/\.\.|\/\/|\/\.|[./]$|\.lock$/.test(text) && text.length <= 200;
}

function hint(text: string): string {
  const [, id] = /^https?:\/\/[^/]+\/([\w.-]+\/[\w.-]+?)(?:\/|$)/.exec(text) ?? [];
  return id === undefined || !isId(id) ? "it takes a name such as beomi/kcbert-base" : `write ${id}`;
}
