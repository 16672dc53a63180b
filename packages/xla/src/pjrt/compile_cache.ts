/**
 * Where compiled programs are kept from one process to the next. Files belong to applications, so this is theirs to
 * make; what they are handed is checked when it comes back, and a damaged entry is compiled anew.
 */
export interface CompileCache {
  /**
   * What compiled code depends on and this package cannot know: which build the plugin's file is, the processor that it
   * compiles for, flags of the environment. Another text, other entries.
   */
  readonly build: string;
  /**
   * The bytes that were written under a key, or `undefined` if there are none. A rejection counts as none.
   *
   * @param key 64 hexadecimal digits.
   */
  read(key: string): Promise<Uint8Array | undefined>;
  /**
   * Keep bytes under a key, all of them or none. A rejection is passed over: the program is compiled, after all.
   */
  write(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** The key of a program: a hash over everything that the compiled code depends on. */
export async function cacheKey(parts: readonly (string | Uint8Array)[]): Promise<string> {
  const hashes = await Promise.all(
    parts.map((part) => sha256(typeof part === "string" ? new TextEncoder().encode(part) : part)),
  );
  return hex(await sha256(concat(hashes)));
}

/** Read an entry, if there is a whole one. */
export async function readEntry(cache: CompileCache, key: string): Promise<Uint8Array | undefined> {
  const entry = await cache.read(key).catch(() => undefined);
  if (entry === undefined || entry.length <= HASH_BYTES) return undefined;
  const payload = entry.subarray(HASH_BYTES);
  return hex(await sha256(payload)) === hex(entry.subarray(0, HASH_BYTES)) ? payload : undefined;
}

/** Write an entry: the hash of the program, and the program. */
export async function writeEntry(cache: CompileCache, key: string, payload: Uint8Array): Promise<void> {
  const entry = concat([await sha256(payload), payload]);
  await cache.write(key, entry).catch(() => {}); // told by the application, if at all
}

// --- internal ---

const HASH_BYTES = 32;

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
