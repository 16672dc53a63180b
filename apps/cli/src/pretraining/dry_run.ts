import type { BertTokenizer } from "@kcbert/tokenizer";
import type { Corpus } from "./corpus.ts";
import { configOf, type Recipe } from "./recipe.ts";

/** What `--dry-run` tells, for people and as data. */
export interface PlanReport {
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Say what a recipe would train, and what it would take. */
export async function describePlan(
  recipe: Recipe,
  tokenizer: BertTokenizer,
  corpus: Corpus,
  checkpoint: string | undefined,
): Promise<PlanReport> {
  const { BertForMaskedLM, BertForPreTraining, checkBertConfig, kcbertBase } = await import("@kcbert/bert");
  const { trainingFlopsPerToken } = await import("@kcbert/trainer");
  const config = checkBertConfig({ ...kcbertBase, ...configOf(recipe, tokenizer) });
  const kind = recipe.nextSentence ? BertForPreTraining : BertForMaskedLM;
  const sizes = Array.from(kind.parameterShapes(config), ([, shape]) =>
    shape.reduce((product, size) => product * size, 1),
  );
  const parameters = sizes.reduce((sum, size) => sum + size, 0);
  const { train } = corpus;
  const shards =
    "shards" in train ? train.shards : [{ sequences: train.rowStarts.length - 1, tokens: train.ids.length }];
  const lines = shards.reduce((sum, { sequences }) => sum + sequences, 0);
  const tokens = shards.reduce((sum, { tokens }) => sum + tokens, 0);
  const tokensPerStep = recipe.batchSize * recipe.accumulate * recipe.maxLength;
  const flopsPerToken = trainingFlopsPerToken(config, {
    rowLength: recipe.maxLength,
    maskProbability: recipe.maskProbability,
  });
  const stepsPerEpoch = Math.max(1, Math.floor(tokens / tokensPerStep));
  const epochs = recipe.steps === undefined ? undefined : recipe.steps / stepsPerEpoch;
  const checkpointBytes = 3 * 4 * parameters; // weights and two moments, float32
  const petaflops =
    recipe.steps === undefined ? undefined : (recipe.steps * tokensPerStep * flopsPerToken) / 1e15;
  const end = [
    ...(recipe.steps === undefined ? [] : [`${count(recipe.steps)} steps`]),
    ...(recipe.seconds === undefined ? [] : [`${recipe.seconds / 60} minutes`]),
  ].join(" or ");
  const text = [
    `Would train ${count(parameters)} parameters: ${recipe.layers} layers of ${recipe.hidden}, ${recipe.heads} heads, ${count(config.vocabSize)} tokens`,
    `on ${count(lines)} lines, ${count(tokens)} tokens, in ${shards.length === 1 ? "one shard" : `${shards.length} shards`}, ${count(recipe.heldOut)} lines held out at most`,
    `for ${end}, ${count(tokensPerStep)} tokens each${epochs === undefined ? "" : `: ${epochs.toPrecision(3)} times through the corpus`}`,
    `at ${(flopsPerToken / 1e9).toPrecision(3)} GFLOP a token${petaflops === undefined ? "" : `, ${petaflops.toPrecision(3)} PFLOP in all`}; a checkpoint takes ${(checkpointBytes / 1e6).toFixed(1)} MB`,
    checkpoint === undefined ? `from the beginning, into ${recipe.output}` : `going on from ${checkpoint}`,
  ].join("\n");
  const facts = {
    parameters,
    lines,
    tokens,
    shards: shards.length,
    tokensPerStep,
    stepsPerEpoch,
    epochs,
    flopsPerToken,
    petaflops,
    checkpointBytes,
    checkpoint,
    recipe,
  };
  return { text, facts };
}

// --- internal ---

function count(number: number): string {
  return number.toLocaleString("en");
}
