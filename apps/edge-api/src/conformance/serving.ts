import { createAdaptorServer } from "@hono/node-server";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp, type AppOptions } from "../app.ts";
import { withReason } from "../entries/_node_reason.ts";
import type { ServedModel } from "../models.ts";
import { startBackend, tinyModelFor, versionOf, type Files } from "../testing/tiny_model.ts";

/** A server with a very small model for each task, and how to stop it. */
export interface Serving {
  /** As in `http://127.0.0.1:1234`. */
  readonly address: string;
  /** How many requests have come. */
  readonly requests: () => number;
  stop(): void;
}

/** Serve a model for each task, on loopback. */
export async function serveTinyModels(options: Partial<AppOptions> = {}): Promise<Serving> {
  const folders: [string, Files][] = [
    ["mask", await tinyModelFor("fill-mask", 1)],
    ["mood", await tinyModelFor("text-classification", 2, ["부정", "긍정"])],
    ["hate", await tinyModelFor("text-classification", 3, ["hate", "offensive", "none"])],
    ["names", await tinyModelFor("token-classification", 4, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])],
    ["answers", await tinyModelFor("question-answering", 5)],
    ["beomi/vectors", await tinyModelFor("feature-extraction", 6)],
    ["ranks", await tinyModelFor("text-classification", 7, ["relevance"])],
  ];
  const models = folders.map(([id, files]): ServedModel => ({
    id,
    current: async () => versionOf(files, id),
  }));
  const app = createApp({ models, backend: startBackend, ...options });
  let requests = 0;
  const fetch: typeof app.fetch = (...args) => {
    requests += 1;
    return app.fetch(...args);
  };
  const server = createAdaptorServer({ fetch: withReason(fetch) as typeof fetch }) as Server;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
