import type { PretrainedSource } from "@kcbert/bert";
import type { FillMaskPipeline } from "@kcbert/pipelines";
import { ApiError } from "./api_error.ts";
import type { Log } from "./log.ts";

/** One state of a model: a folder that is complete. */
export interface ModelVersion {
  /** Tells this state from an earlier or later one of the same model. */
  readonly revision: string;
  /** `final`, or a `checkpoint` of a run that goes on. */
  readonly state: "final" | "checkpoint";
  /** Optimiser steps behind it, where known. */
  readonly step: number | null;
  /** Reads the folder's files. */
  readonly source: PretrainedSource;
}

/** A model that the app serves, loaded when first asked for. */
export interface ServedModel {
  /** Its name in the path; may hold slashes, as in `beomi/kcbert-base`. */
  readonly id: string;
  /** The newest complete state; undefined as long as there is none. Asked at each request. */
  readonly current: () => Promise<ModelVersion | undefined>;
  /** What it waits for when there is none, as a sentence without a full stop. */
  readonly waitsFor?: () => string;
}

/** What {@link Models} needs besides the models. */
export interface ModelsOptions {
  /** Make a pipeline of a model's folder. */
  readonly load: (version: ModelVersion) => Promise<FillMaskPipeline>;
  readonly log: Log;
  /** Requests that may be at the models at once. */
  readonly concurrentRequests: number;
}

/** The models of the app: found by name, loaded once, replaced when a newer state is there, let go when nobody uses them. */
export class Models {
  readonly #served: Map<string, ServedModel>;
  readonly #loaded = new Map<string, Loaded>();
  readonly #options: ModelsOptions;
  #requests = 0;

  /** Serve `served`; nothing is loaded yet. */
  constructor(served: readonly ServedModel[], options: ModelsOptions) {
    this.#served = new Map(served.map((model) => [model.id, model]));
    this.#options = options;
  }

  /** The models by name, in the order given. */
  list(): ServedModel[] {
    return [...this.#served.values()];
  }

  /** @throws {ApiError} 404 if there is no model `id`. */
  require(id: string): ServedModel {
    const served = this.#served.get(id);
    if (served !== undefined) return served;
    const known = [...this.#served.keys()].map((name) => `"${name}"`).join(", ");
    const instead = known === "" ? "this server has no model" : `this server has ${known}`;
    throw new ApiError(404, `There is no model "${id.slice(0, 200)}": ${instead}`);
  }

  /**
   * Do `work` with the newest state of model `id`; that state stays in memory until the work is done.
   *
   * @throws {ApiError} 404 if there is no such model, 429 if it is not there yet or too many requests are at the
   *   models, 424 if its folder cannot be loaded.
   */
  async use<Result>(
    id: string,
    work: (model: FillMaskPipeline, version: ModelVersion) => Promise<Result>,
  ): Promise<Result> {
    const served = this.require(id);
    if (this.#requests >= this.#options.concurrentRequests) {
      const message = `The server is busy as ${this.#requests} requests are at its models: try again in a second`;
      throw new ApiError(429, message, { retryAfter: 1 });
    }
    this.#requests += 1;
    try {
      const loaded = await this.#acquire(served);
      try {
        return await work(loaded.model, loaded.version);
      } finally {
        release(loaded);
      }
    } finally {
      this.#requests -= 1;
    }
  }

  /** Let every model go. */
  dispose(): void {
    for (const loaded of this.#loaded.values()) retire(loaded);
    this.#loaded.clear();
  }

  // --- internal ---

  readonly #loading = new Map<string, Promise<unknown>>();

  async #acquire(served: ServedModel): Promise<Loaded & { model: FillMaskPipeline }> {
    await this.#loading.get(served.id);
    const version = await served.current();
    if (version === undefined) {
      const reason = served.waitsFor?.() ?? "its folder is not complete";
      const message = `The model "${served.id}" is not there yet: ${reason}. Try again in ${retrySeconds} seconds`;
      throw new ApiError(429, message, { retryAfter: retrySeconds });
    }
    let loaded = this.#loaded.get(served.id);
    if (loaded?.version.revision !== version.revision) {
      const pending = this.#loading.get(served.id);
      if (pending !== undefined) return this.#acquire(served);
      const loading = this.#replace(served, version).finally(() => this.#loading.delete(served.id));
      this.#loading.set(
        served.id,
        loading.catch(() => undefined),
      );
      loaded = await loading;
    }
    loaded.users += 1;
    return loaded;
  }

  /** Load `version`, or what has come in its place when it vanished meanwhile: old checkpoints are deleted. */
  async #replace(served: ServedModel, version: ModelVersion): Promise<Loaded> {
    let wanted = version;
    for (;;) {
      try {
        const model = await this.#options.load(wanted);
        const old = this.#loaded.get(served.id);
        const loaded = { model, version: wanted, users: 0, retired: false };
        this.#loaded.set(served.id, loaded);
        if (old !== undefined) retire(old);
        return loaded;
      } catch (error) {
        const newer = await served.current();
        if (newer !== undefined && newer.revision !== wanted.revision) {
          wanted = newer;
          continue;
        }
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log({
          level: "error",
          message: `Cannot load "${served.id}" (${wanted.revision}): ${why}`,
        });
        throw new ApiError(424, `The model "${served.id}" cannot be loaded: ${why}`, { cause: error });
      }
    }
  }
}

/** Seconds that a client is asked to wait for a model; checkpoints come more seldom than that. */
const retrySeconds = 5;

interface Loaded {
  readonly model: FillMaskPipeline;
  readonly version: ModelVersion;
  users: number;
  retired: boolean;
}

function release(loaded: Loaded): void {
  loaded.users -= 1;
  if (loaded.retired && loaded.users === 0) loaded.model.dispose();
}

function retire(loaded: Loaded): void {
  loaded.retired = true;
  if (loaded.users === 0) loaded.model.dispose();
}
