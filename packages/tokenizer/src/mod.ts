/**
 * BERT WordPiece for Korean: Hugging Face's token ids and offsets, vocabulary training, in plain TypeScript.
 *
 * @module
 */
export {};
