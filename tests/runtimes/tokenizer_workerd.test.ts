/** Every golden record of the tokenizer inside workerd, where a Cloudflare Worker runs. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { expect, test } from "vitest";
import { EXPECTED_LINES } from "./tokenizer_records.ts";

/** A worker that checks the records it is sent. */
const WORKER = `
import { goldenReport } from "./tokenizer_records.ts";
export default { fetch: async (request) => Response.json(goldenReport(await request.json())) };
`;

test("the tokenizer passes every golden record under workerd", async () => {
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: import.meta.dirname, loader: "ts" },
    bundle: true,
    format: "esm",
    conditions: ["@kcbert/source"],
    write: false,
  });
  const files = {
    vocab: read("kcbert.vocab.txt"),
    encode: read("wordpiece.jsonl.gz"),
    decode: read("wordpiece-decode.jsonl.gz"),
    classes: read("bert-char-classes.json"),
  };
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-07-01",
  });
  try {
    const response = await miniflare.dispatchFetch("http://worker/", {
      method: "POST",
      body: JSON.stringify(files),
    });
    expect(await response.json()).toEqual(EXPECTED_LINES);
  } finally {
    await miniflare.dispose();
  }
});

function read(name: string): string {
  const bytes = readFileSync(new URL(`../golden/tokenizer/${name}`, import.meta.url));
  return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}
