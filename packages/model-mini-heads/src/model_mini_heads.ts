import { folderFiles, modelMini, type ModelSource } from "@kcbert/model-mini";

/** A head: what it judges. */
export type Head = "hate" | "embedding";

/** Which head, and where its files and those of model-mini are. */
export interface ModelMiniHeadsOptions {
  /**
   * `hate` says whether a comment is hateful, offensive or neither, for a classifier of texts; `embedding` is an encoder
   * whose mean of the tokens' vectors stands for a sentence, for features and similarities.
   */
  head: Head;
  /**
   * The address of the folder that holds the heads' folders, for a bundle beside which they were copied: `https:`, `http:`, or
   * `file:` where the runtime reads files. By default the package itself.
   */
  base?: URL | string;
  /** The model below the heads. By default `modelMini()`, of the version that this package depends on. */
  model?: ModelSource;
}

/**
 * The folder of a head: its own files, and those of model-mini for what it shares with that.
 *
 * @returns A source: bytes of a file, or `undefined` for a file that is in neither folder. It rejects if the files cannot be
 * reached. Loaders refuse the head on another version of model-mini.
 * @throws {RangeError} If there is no such head.
 * @throws {TypeError} If `base` is no address.
 *
 * @example
 * ```ts
 * import { modelMiniHeads } from "@kcbert/model-mini-heads";
 * import assert from "node:assert/strict";
 *
 * const source = modelMiniHeads({ head: "hate" });
 * const config = JSON.parse(new TextDecoder().decode(await source("config.json")));
 * assert.deepEqual(Object.values(config.id2label), ["none", "offensive", "hate"]);
 * assert.ok(await source("vocab.txt")); // model-mini's
 * ```
 */
export function modelMiniHeads({ head, base, model = modelMini() }: ModelMiniHeadsOptions): ModelSource {
  if (!HEADS.includes(head)) {
    throw new RangeError(
      `Cannot give the head ${JSON.stringify(head)}: this package has ${HEADS.join(" and ")}`,
    );
  }
  const root = new URL(base ?? new URL("../", import.meta.url));
  if (!root.pathname.endsWith("/")) root.pathname += "/";
  const own = folderFiles(new URL(head, root), { names: FILES, of: "@kcbert/model-mini-heads" });
  return async (name, options) => (await own(name, options)) ?? model(name, options);
}

// --- internal ---

const HEADS: readonly Head[] = ["hate", "embedding"];

const FILES: readonly string[] = ["config.json", "overlay.int8.safetensors"];
