/**
 * Packs a folder of golden vectors of the BERT models into `tests/golden/bert/`, one brotli-compressed tar per subfolder:
 * `node tests/golden/pack_bert.ts FOLDER`. What `bert.ts` beside this file reads.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new TypeError("Cannot pack: usage is `node tests/golden/pack_bert.ts FOLDER`");

/** Left out of the repository for their size: the float64 truths. */
const leftOut = ["*.f64.safetensors"];

const subfolders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
for (const { name } of subfolders) write(name, [name]);
write("manifest", ["formats-manifest.json"]);

function write(name: string, members: string[]): void {
  const exclude = leftOut.map((pattern) => `--exclude=${pattern}`);
  const fixed = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
  const tar = execFileSync("tar", ["-c", "--format=ustar", ...fixed, ...exclude, "-C", folder!, ...members], {
    maxBuffer: 2 ** 28,
  });
  const packed = brotliCompressSync(tar, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24, // the checkpoints repeat one another over megabytes
      [constants.BROTLI_PARAM_SIZE_HINT]: tar.length,
    },
  });
  writeFileSync(join(import.meta.dirname, "bert", `${name}.tar.br`), packed);
}
