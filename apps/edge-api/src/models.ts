import { type PretrainedSource, SharedWeights } from "@kcbert/bert";
import { ApiError } from "./api_error.ts";
import type { LoadedModel } from "./loaded_model.ts";
import type { Log } from "./log.ts";
import { type ModelFacts, readModelFacts } from "./model_facts.ts";
import { canDo, type ModelTask, type Task } from "./task.ts";

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
  /** Names the file of its weights, where other models may have the same: they are then in memory once. */
  readonly weights?: string;
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
  /** Bring a model's folder into memory. */
  readonly load: (task: ModelTask, version: ModelVersion, shared?: SharedWeights) => Promise<LoadedModel>;
  readonly log: Log;
  /** Requests that may be at the models at once. */
  readonly concurrentRequests: number;
  /** Bytes of weights in memory. */
  readonly modelBytes: number;
}

/** A model at work, with what it is. */
export interface ModelInUse {
  /** Its name. */
  readonly id: string;
  /** The model. */
  readonly model: LoadedModel;
  /** Which state of it. */
  readonly version: ModelVersion;
}

/** A model as its folder describes it. */
export interface DescribedModel {
  /** Its name. */
  readonly id: string;
  /** Its newest state. */
  readonly version: ModelVersion;
  /** What its config says. */
  readonly facts: ModelFacts;
}

/**
 * The models of the app: found by name or by task, loaded when first asked for, replaced when a newer state is there, let
 * go when nobody uses them and others need the memory.
 */
export class Models {
  readonly #served: Map<string, ServedModel>;
  /** In the order in which they were used last. */
  readonly #loaded = new Map<string, Loaded>();
  readonly #loading = new Map<string, Promise<unknown>>();
  readonly #facts = new Map<string, { readonly revision: string; readonly facts: ModelFacts }>();
  /** By what {@link ModelVersion.weights} says. */
  readonly #shared = new Map<string, SharedWeights>();
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

  /** How many models are in memory. */
  get loadedCount(): number {
    return this.#loaded.size;
  }

  /** Bytes of weights in memory; those that several models share count once. */
  get loadedBytes(): number {
    return bytesOf([...this.#loaded.values()].map(({ model }) => model));
  }

  /** @throws {ApiError} 404 if there is no model `id`. */
  require(id: string): ServedModel {
    const served = this.#served.get(id);
    if (served !== undefined) return served;
    const known = [...this.#served.keys()].map((name) => `"${name}"`).join(", ");
    const instead = known === "" ? "this server has no model" : `this server has ${known}`;
    throw new ApiError(404, `There is no model "${id.slice(0, 200)}": ${instead}`, {
      code: "model_not_found",
      param: "model",
    });
  }

  /** What a model's newest folder says about it; undefined as long as there is none, or it says nothing. */
  async describe({ id, current }: ServedModel, newest?: ModelVersion): Promise<DescribedModel | undefined> {
    const version = newest ?? (await current());
    if (version === undefined) return undefined;
    const known = this.#facts.get(id);
    if (known?.revision === version.revision) return { id, version, facts: known.facts };
    try {
      const facts = await readModelFacts(version.source);
      this.#facts.set(id, { revision: version.revision, facts });
      return { id, version, facts };
    } catch {
      return undefined; // loading it will say why
    }
  }

  /** The models that are there, in the order given. */
  async describeAll(): Promise<DescribedModel[]> {
    const described = await Promise.all(this.list().map((served) => this.describe(served)));
    return described.filter((model) => model !== undefined);
  }

  /** The first model that is for this task; for embeddings else the first with an encoder, which is any. */
  async find(task: Task): Promise<string | undefined> {
    const all = await this.describeAll();
    const own = task === "sentence-similarity" ? "feature-extraction" : task;
    const first =
      all.find(({ facts }) => facts.task === own) ?? all.find(({ facts }) => canDo(facts.task, task));
    return first?.id;
  }

  /**
   * The first model that is for this task.
   *
   * @throws {ApiError} 424 if there is none, 429 if one may yet come.
   */
  async requireFor(task: Task): Promise<string> {
    const found = await this.find(task);
    if (found !== undefined) return found;
    for (const served of this.list()) if ((await served.current()) === undefined) throw notThere(served);
    throw new ApiError(
      424,
      `This server has no model for ${task}: start it with one, as in --model NAME=FOLDER, or name another in the path`,
    );
  }

  /**
   * Do `work` with the newest state of model `id`; that state stays in memory until the work is done.
   *
   * @throws {ApiError} 404 if there is no such model, 429 if it is not there yet or too many requests are at the
   *   models, 424 if its folder cannot be loaded or is for something else.
   */
  async use<Result>(
    id: string,
    task: Task | undefined,
    work: (model: ModelInUse) => Promise<Result>,
  ): Promise<Result> {
    const served = this.require(id);
    if (this.#requests >= this.#options.concurrentRequests) {
      const message = `The server is busy as ${this.#requests} requests are at its models: try again in a second`;
      throw new ApiError(429, message, { retryAfter: 1 });
    }
    this.#requests += 1;
    try {
      const loaded = await this.#acquire(served, task);
      try {
        return await work({ id, ...loaded });
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

  async #acquire(served: ServedModel, task: Task | undefined): Promise<Loaded> {
    await this.#loading.get(served.id);
    const version = await served.current();
    if (version === undefined) throw notThere(served);
    await this.#requireTask(served, version, task);
    let loaded = this.#loaded.get(served.id);
    if (loaded?.version.revision !== version.revision) {
      const pending = this.#loading.get(served.id);
      if (pending !== undefined) return this.#acquire(served, task);
      const loading = this.#replace(served, version).finally(() => this.#loading.delete(served.id));
      this.#loading.set(
        served.id,
        loading.catch(() => undefined),
      );
      loaded = await loading; // it is ours already: else it might go before we get it
    } else {
      loaded.users += 1;
    }
    this.#loaded.delete(served.id);
    this.#loaded.set(served.id, loaded); // the last one used is the last to go
    return loaded;
  }

  async #requireTask(served: ServedModel, version: ModelVersion, task: Task | undefined): Promise<void> {
    const described = task === undefined ? undefined : await this.describe(served, version);
    if (task === undefined || described === undefined || canDo(described.facts.task, task)) return;
    throw new ApiError(
      424,
      `The model "${served.id}" does not do ${task}: it is for ${described.facts.task}, and gives features`,
    );
  }

  /** Load `version`, or what has come in its place when it vanished meanwhile: old checkpoints are deleted. */
  async #replace(served: ServedModel, version: ModelVersion): Promise<Loaded> {
    let wanted = version;
    for (;;) {
      try {
        const facts = await readModelFacts(wanted.source);
        const shared = this.#sharedOf(wanted);
        const expected = shared === undefined || shared.size === 0 ? facts.bytes : 0;
        this.#makeRoom(served.id, { parts: new Map([[facts, expected]]) });
        const model = await this.#options.load(facts.task, wanted, shared);
        try {
          this.#makeRoom(served.id, model);
        } catch (error) {
          model.dispose();
          throw error;
        }
        const old = this.#loaded.get(served.id);
        const loaded = { model, version: wanted, users: 1, retired: false };
        this.#loaded.set(served.id, loaded);
        if (old !== undefined) retire(old);
        return loaded;
      } catch (error) {
        const newer = await served.current();
        if (newer !== undefined && newer.revision !== wanted.revision) {
          wanted = newer;
          continue;
        }
        if (error instanceof ApiError) throw error;
        const why = error instanceof Error ? error.message : String(error);
        this.#options.log({
          level: "error",
          message: `Cannot load "${served.id}" (${wanted.revision}): ${why}`,
        });
        throw new ApiError(424, `The model "${served.id}" cannot be loaded: ${why}`, { cause: error });
      }
    }
  }

  #sharedOf({ weights }: ModelVersion): SharedWeights | undefined {
    if (weights === undefined) return undefined;
    const known = this.#shared.get(weights);
    if (known !== undefined) return known;
    for (const [name, { size }] of this.#shared) if (size === 0) this.#shared.delete(name); // of old checkpoints
    const shared = new SharedWeights();
    this.#shared.set(weights, shared);
    return shared;
  }

  /** Let models go that nobody uses, those used least recently first, until `next` has room beside the rest. */
  #makeRoom(id: string, next: Weighed): void {
    const { modelBytes } = this.#options;
    const bytes = bytesOf([next]);
    if (bytes > modelBytes) {
      throw new ApiError(
        424,
        `The model "${id}" cannot be loaded as it needs ${megabytes(bytes)} and this server has ${megabytes(modelBytes)} for models: quantise it, or raise the limit`,
      );
    }
    for (const [other, loaded] of this.#loaded) {
      const rest = [...this.#loaded].flatMap(([name, { model }]) => (name === id ? [] : [model]));
      const all = bytesOf([next, ...rest]);
      if (all <= modelBytes) return;
      if (other === id || loaded.users > 0) continue;
      if (bytesOf([next, ...rest.filter((model) => model !== loaded.model)]) === all) continue; // it has nothing of its own
      this.#loaded.delete(other);
      retire(loaded);
      this.#options.log({ level: "info", message: `Let the model "${other}" go to make room for "${id}"` });
    }
  }
}

/** What is known of a model's weights. */
type Weighed = Pick<LoadedModel, "parts">;

/** Bytes of what these models have in memory, together. */
function bytesOf(models: readonly Weighed[]): number {
  const parts = new Map(models.flatMap(({ parts }) => [...parts]));
  return [...parts.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Seconds that a client is asked to wait for a model; checkpoints come more seldom than that. */
const retrySeconds = 5;

interface Loaded {
  readonly model: LoadedModel;
  readonly version: ModelVersion;
  users: number;
  retired: boolean;
}

function notThere({ id, waitsFor }: ServedModel): ApiError {
  const reason = waitsFor?.() ?? "its folder is not complete";
  const message = `The model "${id}" is not there yet: ${reason}. Try again in ${retrySeconds} seconds`;
  return new ApiError(429, message, { retryAfter: retrySeconds });
}

function release(loaded: Loaded): void {
  loaded.users -= 1;
  if (loaded.retired && loaded.users === 0) loaded.model.dispose();
}

function retire(loaded: Loaded): void {
  loaded.retired = true;
  if (loaded.users === 0) loaded.model.dispose();
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
