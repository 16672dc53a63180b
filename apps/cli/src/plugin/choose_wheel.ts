import process from "node:process";
import { CliError } from "../failure.ts";
import type { Wheel } from "./package_index.ts";

/** A machine, in Node's words. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/**
 * The wheel of a version for a machine. Which Python it is for does not matter: the shared library does not use Python.
 *
 * @throws {CliError} If the index has none; the message says what it has.
 */
export function chooseWheel(
  wheels: readonly Wheel[],
  { project, version }: { project: string; version: string },
  machine: Machine = process,
): Wheel {
  const ofVersion = wheels.filter(({ name }) => partsOf(name).version === version);
  const wheel = ofVersion.findLast(({ name }) => runsOn(partsOf(name).platform, machine));
  if (wheel !== undefined) return wheel;
  const { platform, arch } = machine;
  if (ofVersion.length > 0) {
    const platforms = [...new Set(ofVersion.map(({ name }) => partsOf(name).platform))];
    throw new CliError(
      `Cannot install ${project} ${version} on ${platform} ${arch}: it is made for ${platforms.join(", ")}`,
    );
  }
  const versions = [...new Set(wheels.map(({ name }) => partsOf(name).version))].slice(-8);
  throw new CliError(
    `Cannot find ${project} ${version} in the index: ${versions.length === 0 ? "it has no wheels of it" : `it has ${versions.join(", ")}`}`,
  );
}

/** The version that a wheel's name tells, for one that is there already. */
export function wheelVersion(name: string): string {
  return partsOf(name).version;
}

// --- internal ---

/** `name-version(-build)?-python-abi-platform.whl`. */
function partsOf(name: string): { version: string; platform: string } {
  const parts = name.replace(/\.whl$/, "").split("-");
  return { version: parts[1] ?? "", platform: parts.at(-1) ?? "" };
}

function runsOn(tags: string, { platform, arch }: Machine): boolean {
  const processors = PROCESSORS[arch] ?? [arch];
  return tags.split(".").some((tag) => {
    const system = SYSTEMS[platform];
    return system?.test(tag) === true && processors.some((processor) => tag.endsWith(processor));
  });
}

const SYSTEMS: Readonly<Record<string, RegExp>> = {
  linux: /^(?:many)?linux/,
  darwin: /^macosx/,
  win32: /^win/,
};

const PROCESSORS: Readonly<Record<string, readonly string[]>> = {
  x64: ["x86_64", "amd64", "universal2"],
  arm64: ["aarch64", "arm64", "universal2"],
};
