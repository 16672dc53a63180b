/**
 * Read and write safetensors, and read PyTorch checkpoints, without Python.
 *
 * @module
 */
export {};
