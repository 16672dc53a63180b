/** The peer of `edge.ts`: a Hono server around transformers.js, as one would write it. `node _edge_peer.ts FOLDER [THREADS]`. */
import { serve } from "@hono/node-server";
import { env, pipeline } from "@huggingface/transformers";
import { Hono } from "hono";
import { basename, dirname } from "node:path";
import process from "node:process";

const folder = process.argv[2]!;
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const threads = process.argv[3] === undefined ? {} : { intraOpNumThreads: Number(process.argv[3]) };
const classify = await pipeline("text-classification", basename(folder), {
  dtype: "fp32",
  session_options: threads,
});

const app = new Hono();
app.post("/models/:id", async (c) => {
  const { inputs } = await c.req.json<{ inputs: string }>();
  return c.json([await classify(inputs, { top_k: 0 })]);
});
serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => {
  process.stdout.write(`http://127.0.0.1:${port}/\n`);
});
