import { ApiError } from "../api_error.ts";
import { readJsonBody } from "../json_body.ts";
import { categoryScores, moderates, standardCategories } from "../moderation.ts";
import type { DescribedModel } from "../models.ts";
import { openAiSchemas } from "../schemas/openai.ts";
import { type AppHandler, askingFor, nameModel, type Service } from "../service.ts";
import { base64 } from "./_json.ts";

/** Seconds since 1970 that the models' `created` says where nobody knows better. */
const created = 1_795_000_000;

/** `POST /v1/embeddings` and `/embeddings`. */
export function embeddingsRoute(service: Service): AppHandler {
  const { embeddings: schema } = openAiSchemas(service.limits);
  return async (c) => {
    const { input, model, encoding_format: format, dimensions } = await readJsonBody(c, schema);
    const id = await embedder(service, model);
    const { questions } = await import("../ask.ts");
    return service.models.use(id, "feature-extraction", async (use) => {
      const texts = textsOf(input, (ids) => use.model.tokenizer.decode(ids));
      const options = dimensions ? { dimensions } : {};
      const vectors = await questions.askEmbeddings(askingFor(service, c), use, texts, options);
      const write = format === "base64" ? base64 : (vector: Float32Array) => [...vector];
      nameModel(c, use);
      const { tokens } = c.var.usage;
      return c.json({
        object: "list",
        data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: write(vector) })),
        model: id,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      });
    });
  };
}

/**
 * `POST /v1/moderations`: every model here that knows of harm says what it sees, under OpenAI's categories and under its own
 * labels beside them.
 */
export function moderationsRoute(service: Service): AppHandler {
  const { moderations: schema } = openAiSchemas(service.limits);
  return async (c) => {
    const { input, model } = await readJsonBody(c, schema);
    const moderators = await moderatorsFor(service, model);
    const texts =
      typeof input === "string"
        ? [input]
        : input.map((part) => (typeof part === "string" ? part : part.text));
    const { questions } = await import("../ask.ts");
    const pairs = texts.map((text) => ({ text }));
    const scores = texts.map(
      () => new Map<string, number>(standardCategories.map((category) => [category, 0])),
    );
    for (const { id } of moderators) {
      const judged = await service.models.use(id, "text-classification", (use) => {
        nameModel(c, use);
        return questions.askLabels(askingFor(service, c), use, pairs, { topK: null });
      });
      for (const [i, labels] of judged.entries()) {
        for (const [category, score] of categoryScores(labels)) {
          scores[i]!.set(category, Math.max(score, scores[i]!.get(category) ?? 0));
        }
      }
    }
    return c.json({
      id: `modr-${c.var.requestId}`,
      model: moderators.map(({ id }) => id).join("+"),
      results: scores.map(resultOf),
    });
  };
}

/** `GET /v1/models` and `/v1/models/{id}`. */
export function modelsRoute({ models }: Service): AppHandler {
  return async (c) => {
    const all = await models.describeAll();
    const id = decodeURIComponent(new URL(c.req.url).pathname.slice("/v1/models/".length));
    if (id === "") return c.json({ object: "list", data: all.map(modelJson) });
    models.require(id);
    const found = all.find((model) => model.id === id);
    if (found === undefined)
      throw new ApiError(404, `The model "${id}" is not there yet`, { code: "model_not_found" });
    return c.json(modelJson(found));
  };
}

// --- internal ---

function modelJson({ id, facts }: DescribedModel): object {
  const { task, labels, maxInputLength } = facts;
  return { id, object: "model", created, owned_by: "kcbert", task, labels, max_input_length: maxInputLength };
}

/** Whoever names one of OpenAI's own models means the one that does the same here. */
async function embedder({ models }: Service, named: string | null | undefined): Promise<string> {
  if (named === undefined || named === null || named === "" || named.startsWith("text-embedding-")) {
    return models.requireFor("feature-extraction");
  }
  return models.require(named).id;
}

async function moderatorsFor(
  { models }: Service,
  named: string | null | undefined,
): Promise<DescribedModel[]> {
  const all = await models.describeAll();
  const isOurs = typeof named === "string" && named !== "" && !/^(?:omni|text)-moderation-/.test(named);
  const asked = isOurs ? all.filter(({ id }) => id === models.require(named).id) : all;
  const moderators = asked.filter(
    ({ facts }) => facts.task === "text-classification" && moderates(facts.labels),
  );
  if (moderators.length > 0) return moderators;
  const who = isOurs ? `The model "${named}" does not moderate` : "This server has no model that moderates";
  throw new ApiError(424, `${who}: that takes a classifier with labels such as hate, offensive, 악플/욕설`);
}

function textsOf(
  input: string | string[] | number[] | number[][],
  decode: (ids: number[]) => string,
): string[] {
  if (typeof input === "string") return [input];
  if (typeof input[0] === "number") return [decode(input as number[])];
  if (Array.isArray(input[0])) return (input as number[][]).map(decode);
  return input as string[];
}

/** A category is flagged if it is likelier than not. */
function resultOf(scores: ReadonlyMap<string, number>): object {
  const categories = new Map([...scores].map(([category, score]) => [category, score >= 0.5]));
  return {
    flagged: [...categories.values()].includes(true),
    categories: Object.fromEntries(categories),
    category_scores: Object.fromEntries(scores),
    category_applied_input_types: Object.fromEntries(
      [...scores.keys()].map((category) => [category, ["text"]]),
    ),
  };
}
