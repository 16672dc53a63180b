/**
 * A small BERT for Korean comments, in the box: its files, for `@kcbert/pipelines` and `@kcbert/bert` to load.
 *
 * One folder in Hugging Face's layout answers two tasks: it fills masks, and it says whether a comment is positive or
 * negative. Its weights are int8. How it was made, what it can do and what it cannot is in the package's README.
 *
 * ```ts ignore
 * import { loadClassifyText, loadFillMask } from "@kcbert/pipelines";
 * import { modelMini } from "@kcbert/model-mini";
 *
 * const sentiment = await loadClassifyText(modelMini());
 * const gaps = await loadFillMask(modelMini());
 * ```
 *
 * @module
 */
export { folderFiles, type FolderFilesOptions, type ModelSource } from "./folder_files.ts";
export { modelMini, type ModelMiniOptions } from "./model_mini.ts";
