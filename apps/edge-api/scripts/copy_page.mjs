/** Put the page's files that need no compiler beside those that did: `node scripts/copy_page.mjs`, from this folder. */
import { copyFile, readdir } from "node:fs/promises";

for (const name of await readdir("src/page")) {
  if (/\.(?:css|html|svg)$/.test(name)) await copyFile(`src/page/${name}`, `dist/page/${name}`);
}
