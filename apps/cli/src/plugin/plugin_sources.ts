/** A plugin that the program knows by name: the kind of device it drives. */
export type PluginName = "cpu" | "cuda" | "tpu";

/** Where the plugin for a kind of device comes from. */
export interface PluginSource {
  readonly name: PluginName;
  /** What it drives, in words. */
  readonly drives: string;
  /** The Python package that brings it. */
  readonly package: string;
  /** The version of the package that was tried. */
  readonly version: string;
  /** The shared library's path in the package's wheel, and below `site-packages`. */
  readonly library: string;
  /** Further places below `site-packages`, of other packages that bring such a plugin. */
  readonly elsewhere: readonly string[];
  /** The licence that the package's makers give. */
  readonly licence: string;
  /** Terms that whoever installs it accepts, if there are any beyond the licence. */
  readonly terms?: string;
}

/** The plugins that can be installed, the fastest kind of device first. */
export const PLUGIN_SOURCES: readonly PluginSource[] = [
  {
    name: "tpu",
    drives: "Google TPUs",
    package: "libtpu",
    version: "0.0.52",
    library: "libtpu/libtpu.so",
    elsewhere: [],
    licence: "proprietary",
    terms:
      "libtpu is Google's, and is subject to the Google Cloud terms of service (https://cloud.google.com/terms): by installing it you accept them",
  },
  {
    name: "cuda",
    drives: "NVIDIA GPUs",
    package: "jax-cuda13-pjrt",
    version: "0.11.2",
    library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
    elsewhere: ["jax_plugins/xla_cuda12/xla_cuda_plugin.so"],
    licence: "Apache-2.0",
    terms:
      "It calls NVIDIA's libraries (CUDA 13, cuDNN), which are NVIDIA's and come from elsewhere: pip install 'jax-cuda13-plugin[with-cuda]' brings them all",
  },
  {
    name: "cpu",
    drives: "this machine's processor",
    package: "xla-cpu-pjrt",
    version: "0.0.1",
    library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
    elsewhere: [],
    licence: "Apache-2.0",
  },
];

/** The source of a plugin that is known by name. */
export function pluginSource(name: string): PluginSource | undefined {
  return PLUGIN_SOURCES.find((source) => source.name === name);
}

/** The kind of device that a shared library drives, by its path: what it is called, or the package that it lies in. */
export function pluginNameOf(path: string): PluginName | undefined {
  const words = path.toLowerCase().split(/[^a-z]+/);
  for (const word of words.toReversed()) {
    if (word === "cpu" || word === "tpu" || word === "cuda") return word;
    if (word === "libtpu") return "tpu";
    if (word === "gpu") return "cuda";
  }
  return undefined;
}
