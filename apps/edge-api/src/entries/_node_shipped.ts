import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A model folder that came with the installation. */
export interface ShippedModel {
  /** The name it is served under. */
  readonly id: string;
  /** Its folder. */
  readonly folder: string;
  /** The folder with its tokenizer, where it has none of its own. */
  readonly shared?: string;
}

/**
 * The models that are installed as packages: `@kcbert/model-mini` as `mini`, others beside it likewise, and under their own names
 * the heads in folders of theirs (`sentiment`). None if that package is not there.
 *
 * @param from The module that looks for them.
 */
export function shippedModels(from: string = import.meta.url): ShippedModel[] {
  const mini = packageFolder("@kcbert/model-mini", from);
  if (mini === undefined) return [];
  const siblings = readdirSync(dirname(mini)).filter((name) => /^model-[\w-]+$/.test(name));
  const folders = [
    mini,
    ...siblings.map((name) => join(dirname(mini), name)).filter((folder) => folder !== mini),
  ];
  const models = new Map<string, ShippedModel>();
  for (const folder of folders) {
    const id = folder.replace(/^.*model-/, "");
    const shared = hasFile(folder, "tokenizer.json") ? folder : mini;
    if (hasFile(folder, "config.json")) models.set(id, { id, folder });
    for (const head of readdirSync(folder)) {
      const inside = join(folder, head);
      if (!models.has(head) && hasFile(inside, "config.json"))
        models.set(head, { id: head, folder: inside, shared });
    }
  }
  return [...models.values()];
}

// --- internal ---

/** Where a package lies: in `node_modules`, else beside this one in the repository. */
function packageFolder(name: string, from: string): string | undefined {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    const beside = fileURLToPath(
      new URL(`../../../../packages/${name.replace(/^.*\//, "")}`, import.meta.url),
    );
    return hasFile(beside, "config.json") ? beside : undefined;
  }
}

function hasFile(folder: string, name: string): boolean {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() === true;
}
