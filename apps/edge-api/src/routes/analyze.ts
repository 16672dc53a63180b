import type { Context } from "hono";
import { ApiError } from "../api_error.ts";
import type { Asking } from "../ask.ts";
import { explain, type Explanation } from "../explain.ts";
import { readJsonBody } from "../json_body.ts";
import type { DescribedModel } from "../models.ts";
import { streamLines, wantsLines } from "../ndjson.ts";
import { ownSchemas } from "../schemas/ours.ts";
import { type AppEnv, type AppHandler, askingFor, type Service } from "../service.ts";

/** What the models make of a comment, by their names. */
export interface AnalysisJson {
  /** The comment as the first of the models read it: cleaned, if it was trained so. */
  readonly text: string;
  /** Whether it is longer than a model reads. */
  readonly truncated: boolean;
  /** What classifiers of texts say, best first. */
  readonly labels: Readonly<Record<string, readonly { label: string; score: number }[]>>;
  /** Which of these classifiers are too uncertain to act on, of those that know: see `ClassifyTextPipeline.isUnsure`. */
  readonly unsure?: Readonly<Record<string, boolean>>;
  /** What classifiers of tokens find, where it stands in the comment as it was sent. */
  readonly spans: Readonly<Record<string, readonly SpanJson[]>>;
  /** Where the verdicts come from, if that was asked for. */
  readonly explanations?: Readonly<Record<string, Explanation>>;
}

/** Something found in a comment. */
export interface SpanJson {
  readonly label: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** `POST /v1/analyze`: everything that the models here have to say of a comment, raw as it was written. */
export function analyzeRoute(service: Service): AppHandler {
  const once = ownSchemas(service.limits).analyze;
  const streamed = ownSchemas(service.limits, service.limits.streamedItems).analyze;
  return async (c) => {
    const body = await readJsonBody(c, wantsLines(c) ? streamed : once);
    const judges = await judgesFor(service, body.models);
    const options: Options = {
      topK: body.top_k ?? null,
      offsetUnit: body.offset_unit ?? "utf16",
      explain: body.explain ?? false,
    };
    if (options.explain && options.offsetUnit !== "utf16") {
      throw new ApiError(422, 'Cannot explain in code points: leave offset_unit out, or "utf16"', {
        param: "offset_unit",
      });
    }
    const many = typeof body.inputs === "string" ? [body.inputs] : body.inputs;
    if (wantsLines(c)) {
      const asking = { ...askingFor(service, c), signal: c.req.raw.signal };
      return streamLines(c, many, (chunk) => analyze(service, asking, judges, chunk, options));
    }
    const results = await analyze(service, askingFor(service, c), judges, many, options);
    nameModels(c, judges);
    return c.json(typeof body.inputs === "string" ? results[0]! : results);
  };
}

// --- internal ---

interface Options {
  readonly topK: number | null;
  readonly offsetUnit: "utf16" | "codepoint";
  readonly explain: boolean;
}

interface Draft {
  text: string | undefined;
  labels: Record<string, { label: string; score: number }[]>;
  unsure?: Record<string, boolean>;
  spans: Record<string, SpanJson[]>;
  explanations: Record<string, Explanation>;
  truncated: boolean;
}

/** The classifiers that are asked: those named, else all. */
async function judgesFor(
  { models }: Service,
  names: readonly string[] | null | undefined,
): Promise<DescribedModel[]> {
  for (const name of names ?? []) models.require(name);
  const all = (await models.describeAll()).filter(({ facts }) => facts.task.endsWith("-classification"));
  const judges = names ? all.filter(({ id }) => names.includes(id)) : all;
  if (judges.length > 0 && (!names || judges.length === new Set(names).size)) return judges;
  const known = all.map(({ id }) => `"${id}"`).join(", ");
  throw new ApiError(
    424,
    `Cannot analyze as that takes classifiers of texts or tokens: this server has ${known === "" ? "none" : known}`,
  );
}

async function analyze(
  service: Service,
  asking: Asking,
  judges: readonly DescribedModel[],
  comments: readonly string[],
  options: Options,
): Promise<AnalysisJson[]> {
  const { questions: ask } = await import("../ask.ts");
  const drafts = comments.map((): Draft => ({
    text: undefined,
    labels: {},
    spans: {},
    explanations: {},
    truncated: false,
  }));
  for (const { id, facts } of judges) {
    await service.models.use(id, facts.task, async (use) => {
      const limit = use.model.config.maxPositionEmbeddings;
      for (const [i, draft] of drafts.entries()) {
        const { text } = use.model.clean(comments[i]!);
        draft.text ??= text;
        draft.truncated ||=
          use.model.tokenizer.encode(text, { truncation: false, padding: false }).length > limit;
      }
      if (facts.task === "token-classification") {
        const found = await ask.askTokens(asking, use, comments, {
          aggregationStrategy: "first",
          offsetUnit: options.offsetUnit,
          stride: (limit - 2) >> 2,
        });
        for (const [i, spans] of found.entries())
          drafts[i]!.spans[id] = spans.map((span) => spanJson(span, comments[i]!, options));
        return;
      }
      const pairs = comments.map((text) => ({ text }));
      const judged = await ask.askLabels(asking, use, pairs, { topK: options.topK });
      for (const [i, labels] of judged.entries()) {
        drafts[i]!.labels[id] = labels;
        const best = labels[0]!;
        const { unsureBelow } = use.model.config;
        if (unsureBelow !== undefined) {
          drafts[i]!.unsure = { ...drafts[i]!.unsure, [id]: best.score < unsureBelow };
        }
        if (options.explain)
          drafts[i]!.explanations[id] = await explain(ask, asking, use, comments[i]!, best);
      }
    });
  }
  return drafts.map(({ text = "", explanations, ...draft }) => ({
    text,
    ...draft,
    ...(options.explain ? { explanations } : {}),
  }));
}

function spanJson(
  span: { score: number; start: number; end: number; entityGroup?: string; entity?: string },
  comment: string,
  { offsetUnit }: Options,
): SpanJson {
  const { score, start, end, entityGroup, entity = "" } = span;
  const text =
    offsetUnit === "utf16" ? comment.slice(start, end) : Array.from(comment).slice(start, end).join("");
  return { label: entityGroup ?? entity, score, start, end, text };
}

function nameModels(c: Context<AppEnv>, judges: readonly DescribedModel[]): void {
  c.header("X-Model-Id", judges.map(({ id }) => encodeURI(id)).join(", "));
}
