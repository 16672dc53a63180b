import { readSafetensors, toFloat32, writeSafetensors } from "@kcbert/safetensors";

const weight = new Float32Array([1, 2, 3, 4]);
const bytes = writeSafetensors(
  [["weight", { dtype: "F32", shape: [2, 2], bytes: new Uint8Array(weight.buffer) }]],
  { format: "pt" },
);

const { tensors, metadata } = readSafetensors(bytes); // views into `bytes`, nothing is copied
const tensor = tensors.get("weight")!;
console.log(tensor.dtype, tensor.shape.join("×"), metadata.get("format")); // F32 2×2 pt
console.log(toFloat32(tensor).join()); // 1,2,3,4
