import { h } from "./element.ts";

/** A token and its probability. */
export interface Bar {
  readonly token: string;
  /** In [0, 1]; null where it could not be measured. */
  readonly score: number | null;
}

/**
 * Show `bars` as the rows of `list`, reusing the rows that are there so that a bar grows instead of jumping.
 *
 * @param scale The longest bar's probability; bars are drawn relative to it.
 */
export function showBars(
  list: HTMLElement,
  bars: readonly Bar[],
  percent: Intl.NumberFormat,
  scale: number,
): void {
  while (list.children.length > bars.length) list.lastElementChild!.remove();
  while (list.children.length < bars.length) list.append(newRow());
  for (const [i, { token, score }] of bars.entries()) {
    const row = list.children[i] as HTMLElement;
    const [name, , value] = [...row.children] as HTMLElement[];
    if (row.dataset.token !== token) {
      row.dataset.token = token;
      name!.replaceChildren(...tokenNodes(token));
    }
    value!.textContent = score === null ? "–" : percent.format(score);
    row.style.setProperty("--share", String(Math.min(1, (score ?? 0) / scale)));
  }
}

// --- internal ---

/** A token as text: the `##` of a continuation pale. */
function tokenNodes(token: string): (Node | string)[] {
  if (!token.startsWith("##")) return [token];
  return [h("span", { class: "joint" }, "##"), token.slice(2)];
}

function newRow(): HTMLElement {
  return h(
    "li",
    { class: "bar-row" },
    h("span", { class: "token", lang: "ko" }),
    h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "bar" })),
    h("span", { class: "percent" }),
  );
}
