import type { Handler } from "hono";

/** A file of the page. */
export interface PageFile {
  /** What it holds. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Its media type, as in `text/css; charset=utf-8`. */
  readonly type: string;
}

/** Gives the page's files by name (`index.html`, `page.css`, `main.js` …); undefined for one that is not there. */
export type PageSource = (name: string) => Promise<PageFile | undefined>;

/** `GET /` and `GET /page/{name}`: the page and what it is made of. */
export function pageRoute(page: PageSource): Handler {
  return async (c) => {
    const name = c.req.param("name") ?? "index.html";
    const file = /^[a-z0-9_]+\.[a-z]+$/.test(name) ? await page(name) : undefined;
    if (file === undefined) return c.notFound();
    c.header("Content-Type", file.type);
    c.header("Cache-Control", "no-cache"); // ask each time; the entity tag makes the answer short
    return c.body(file.body);
  };
}
