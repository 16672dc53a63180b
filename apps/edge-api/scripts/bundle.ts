/**
 * Write the folder that is deployed: `npm run bundle -w apps/edge-api -- [--out DIR] [--model [NAME=]DIR]…`; without a model
 * those that are installed.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { writeBundle } from "../src/bundling/write_bundle.ts";
import { parseNodeArguments } from "../src/entries/_node_arguments.ts";
import { shippedModels } from "../src/entries/_node_shipped.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(import.meta.dirname, "../dist/bundle") },
    model: { type: "string", multiple: true, default: [] },
  },
});
const named = parseNodeArguments(values.model.flatMap((model) => ["--model", model])).models;
const models = named.size > 0 ? [...named].map(([id, folder]) => ({ id, folder })) : shippedModels();
if (models.length === 0) {
  process.stderr.write("Cannot bundle without a model: name one, as in --model NAME=FOLDER\n");
  process.exit(1);
}
const out = resolve(values.out);
await writeBundle(out, models);
process.stdout.write(`${out}\n`);
