import { readFile } from "node:fs/promises";
import { isForwardExport, tfjsBinary } from "./esbuild_bundle.ts";

/**
 * TensorFlow.js's binary without the kernels that a forward pass of BERT never runs: convolutions, pooling, images. A third of
 * it goes; what remains is the same code.
 */
export async function slimTfjsBinary(): Promise<Uint8Array> {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.readBinary(new Uint8Array(await readFile(tfjsBinary())));
  module.setFeatures(binaryen.Features.All);
  const names = Array.from(
    { length: module.getNumExports() },
    (_, i) => binaryen.getExportInfo(module.getExportByIndex(i)).name,
  );
  for (const name of names) if (!isForwardExport(name)) module.removeExport(name);
  module.runPasses(["remove-unused-module-elements"]);
  const bytes = module.emitBinary();
  module.dispose();
  return bytes;
}
