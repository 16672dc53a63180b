import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BertForMaskedLM, kcbertBase } from "@kcbert/bert";
import { BertTokenizer, formatTokenizerConfig, trainWordPiece } from "@kcbert/tokenizer";
import * as tf from "@tensorflow/tfjs";

/** Write a masked language model of random weights, one layer of 16, with a tokenizer trained on the texts. */
export async function makeTinyModel(folder: string, texts: readonly string[]): Promise<void> {
  await tf.setBackend("cpu");
  const { tokens } = await trainWordPiece(texts, { vocabSize: 200 });
  const tokenizer = BertTokenizer.fromVocab(tokens);
  const sizes = {
    hiddenSize: 16,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 32,
    maxPositionEmbeddings: 48,
  };
  const config = { ...kcbertBase, ...sizes, vocabSize: tokenizer.vocabSize, clean: "2021" as const };
  const masked = BertForMaskedLM.init(config, { seed: 1 });
  mkdirSync(folder);
  await masked.save(async (name, bytes) => writeFileSync(join(folder, name), bytes));
  masked.dispose();
  writeFileSync(join(folder, "vocab.txt"), tokenizer.vocabText());
  writeFileSync(join(folder, "tokenizer_config.json"), formatTokenizerConfig(tokenizer, 48));
}
