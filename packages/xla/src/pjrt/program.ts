import type { Ffi } from "./ffi.ts";
import { cString, Struct } from "./struct.ts";

/** `PJRT_Program`: StableHLO's text or bytecode, which both go by the name `mlir`. */
export function programStruct(ffi: Ffi, stablehlo: string | Uint8Array): Struct {
  const code = new TextEncoder().encode(typeof stablehlo === "string" ? stablehlo : "");
  const bytes = typeof stablehlo === "string" ? code : stablehlo;
  const still = new Uint8Array(new ArrayBuffer(bytes.length + 1));
  still.set(bytes);
  return new Struct(ffi, 48)
    .setView(16, still)
    .setSize(24, bytes.length)
    .setView(32, cString("mlir"))
    .setSize(40, 4);
}

/**
 * Which arguments of `main` the program may reuse for its results: those with `tf.aliasing_output` or
 * `jax.buffer_donor` among their attributes. After a call they are gone.
 */
export function donatedArguments(stablehlo: string | Uint8Array): number[] {
  if (typeof stablehlo !== "string") return [];
  return mainArguments(stablehlo).flatMap((argument, index) =>
    /\b(?:tf\.aliasing_output|jax\.buffer_donor)\b/.test(argument) ? [index] : [],
  );
}

// --- internal ---

/** The arguments of `main`, each from its name to the comma: types and attributes bracket theirs. */
function mainArguments(text: string): string[] {
  const head = /func\.func\s+(?:public\s+)?@main\s*\(/.exec(text);
  if (head === null) return [];
  const list: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = head.index + head[0].length;
  for (let at = start; at < text.length; at++) {
    const char = text[at]!;
    if (char === '"') quoted = !quoted;
    if (quoted) continue;
    if (char === "," && depth === 0) {
      list.push(text.slice(start, at));
      start = at + 1;
    } else if ("([{<".includes(char)) depth++;
    else if (")]}>".includes(char) && --depth < 0) {
      if (at > start) list.push(text.slice(start, at));
      return list;
    }
  }
  return [];
}
