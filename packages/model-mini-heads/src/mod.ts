/**
 * Two more heads for `@kcbert/model-mini`: hate speech, and embeddings of sentences. Each is the upper layer that learnt
 * with it, int8; what lies below is model-mini's own.
 *
 * How they were made, what they can do and what they cannot is in the package's README. The weights are under CC BY-SA 4.0, as
 * are the data that they learnt from.
 *
 * ```ts ignore
 * import { loadClassifyText, loadSentenceSimilarity } from "@kcbert/pipelines";
 * import { modelMiniHeads } from "@kcbert/model-mini-heads";
 *
 * const hate = await loadClassifyText(modelMiniHeads({ head: "hate" }));
 * const near = await loadSentenceSimilarity(modelMiniHeads({ head: "embedding" }));
 * ```
 *
 * @module
 */
export { type Head, modelMiniHeads, type ModelMiniHeadsOptions } from "./model_mini_heads.ts";
