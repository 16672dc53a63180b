import { html } from "hono/html";
import type { Limits } from "../limits.ts";
import { type DocumentedRoute, documentedRoutes } from "../openapi.ts";
import type { AppHandler } from "../service.ts";

/** `GET /openapi.json`. */
export function openApiRoute(make: () => Promise<object>): AppHandler {
  let document: Promise<object> | undefined;
  return async (c) => c.json(await (document ??= make()));
}

/** `GET /docs`: the routes, each with a request to try; plain HTML, which needs nothing else. */
export function docsRoute(limits: Limits): AppHandler {
  return (c) => {
    const address = new URL("/", c.req.url).href.slice(0, -1);
    const tags = Map.groupBy(documentedRoutes(limits), ({ tag }) => tag);
    const sections = [...tags].map(
      ([tag, routes]) =>
        html`<section class="card">
          <h2>${tag}</h2>
          ${routes.map((route) => section(route, address))}
        </section>`,
    );
    return c.html(
      html`<!doctype html>
        <html lang="en">
          <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <meta name="color-scheme" content="light dark" />
            <title>KcBERT: routes</title>
            <link rel="icon" href="/page/icon.svg" type="image/svg+xml" />
            <link rel="stylesheet" href="/page/page.css" />
          </head>
          <body class="docs">
            <header class="masthead">
              <div>
                <h1>KcBERT</h1>
                <p class="subtitle">
                  Point the Hugging Face, text-embeddings-inference or OpenAI client that you have at
                  ${address}
                </p>
              </div>
              <p>
                <a href="/">Page</a> · <a href="/openapi.json">OpenAPI</a> · <a href="/metrics">Metrics</a>
              </p>
            </header>
            <main>${sections}</main>
          </body>
        </html>`,
    );
  };
}

// --- internal ---

function section({ method, path, summary, example }: DocumentedRoute, address: string) {
  const url = `${address}${path.replace("{id}", "NAME")}`;
  const curl =
    method === "get"
      ? `curl ${url}`
      : `curl ${url} -H 'content-type: application/json' \\\n  -d '${JSON.stringify(example)}'`;
  return html`<article class="route">
    <h3><code>${method.toUpperCase()} ${path}</code></h3>
    <p>${summary}</p>
    <pre tabindex="0"><code>${curl}</code></pre>
  </article>`;
}
