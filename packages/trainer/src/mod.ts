/**
 * Pretrain BERT from TypeScript: masked language modelling, AdamW, checkpoints that are Hugging Face folders.
 *
 * @module
 */
export {};
