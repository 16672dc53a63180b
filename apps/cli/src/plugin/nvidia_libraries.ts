import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** NVIDIA's libraries, as the plugin for its GPUs needs them. */
export interface NvidiaLibraries {
  /** What to load before the plugin starts, in this order: paths, or names that the system's loader has to find. */
  readonly libraries: readonly string[];
  /** The folder with `bin/ptxas` and `nvvm/libdevice`, if Python's packages have it. */
  readonly toolkit: string | undefined;
}

/**
 * Find the libraries among Python's packages, where NVIDIA's wheels put them: CUDA 13's together in `nvidia/cu13`,
 * CUDA 12's each in a folder of its own. What is not there is left to the system's loader (`LD_LIBRARY_PATH`), and
 * what is not needed by every program is left out.
 *
 * @param folders Python's package folders.
 * @param version The major version of CUDA.
 */
export function nvidiaLibraries(folders: readonly string[], version: 12 | 13): NvidiaLibraries {
  const libraries = LIBRARIES[version].flatMap(([file, needed]) => {
    const path = findFile(folders, file);
    return path !== undefined ? [path] : needed ? [file] : [];
  });
  const toolkits = folders.flatMap((folder) =>
    ["cu13", "cuda_nvcc"].map((name) => join(folder, "nvidia", name)),
  );
  return { libraries, toolkit: toolkits.find((folder) => existsSync(join(folder, "bin", "ptxas"))) };
}

// --- internal ---

/** Files by their names for the loader, and whether every program needs them; each after those that it needs. */
const LIBRARIES: Readonly<Record<12 | 13, readonly (readonly [string, boolean])[]>> = {
  12: [
    ["libcudart.so.12", true],
    ["libnvrtc.so.12", false],
    ["libnvJitLink.so.12", false],
    ["libcublasLt.so.12", true],
    ["libcublas.so.12", true],
    ["libnccl.so.2", false],
    ["libcupti.so.12", true],
    ["libcusparse.so.12", true],
    ["libcusolver.so.11", true],
    ["libcufft.so.11", true],
    ["libnvshmem_host.so.3", false],
    ["libcudnn.so.9", true],
  ],
  13: [
    ["libcudart.so.13", true],
    ["libnvrtc.so.13", false],
    ["libnvJitLink.so.13", false],
    ["libcublasLt.so.13", true],
    ["libcublas.so.13", true],
    ["libnccl.so.2", false],
    ["libcupti.so.13", true],
    ["libcusparse.so.12", true],
    ["libcusolver.so.12", true],
    ["libcufft.so.12", true],
    ["libnvshmem_host.so.3", false],
    ["libcudnn.so.9", true],
  ],
};

/** A file in the `lib` of one of NVIDIA's packages. */
function findFile(folders: readonly string[], file: string): string | undefined {
  for (const folder of folders) {
    const nvidia = join(folder, "nvidia");
    if (!existsSync(nvidia)) continue;
    for (const name of readdirSync(nvidia)) {
      const path = join(nvidia, name, "lib", file);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}
