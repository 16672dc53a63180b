/**
 * Put the page's files that need no compiler beside those that did, and bundle the worker that runs models in the browser:
 * `node --conditions=@kcbert/source scripts/copy_page.mjs`, from this folder.
 */
import { copyFile, readdir, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { bundle } from "../src/bundling/esbuild_bundle.ts";

for (const name of await readdir("src/page")) {
  if (/\.(?:css|html|svg)$/.test(name)) await copyFile(`src/page/${name}`, `dist/page/${name}`);
}
const entry = pathToFileURL("src/page/local_server.ts");
await writeFile("dist/page/local_server.js", await bundle({ entry, takesModules: false }));
