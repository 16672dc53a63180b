/**
 * KcBERT's text cleaning for Korean comments: clean, cleanWithOffsets, repeatNormalize and corpus filters. No dependencies.
 *
 * @module
 */
export {};
