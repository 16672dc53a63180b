/** What `model_mini.ts` runs in each runtime: model-mini's sentiment head, set up and timed. */
import type { PretrainedSource } from "@kcbert/bert";
import { loadClassifyText } from "@kcbert/pipelines";
import * as tf from "@tensorflow/tfjs-core";

/** A comment of 17 tokens, `[CLS]` and `[SEP]` included. */
const COMMENT = "배우들 연기도 좋고 스토리도 탄탄해서 두 시간이 금방 지나갔네요ㅋㅋ 추천";

/** What a runtime answers. */
export interface Answer {
  readonly tokens: number;
  /** Of the 32 tokens, so that runtimes can be compared. */
  readonly logits: readonly number[];
  readonly label: string;
  /** Milliseconds of each round, where the runtime has a clock that runs while it computes. */
  readonly forwardMs: readonly number[];
  readonly labelMs: readonly number[];
}

/** Both by turns, in so many rounds after as many to warm up. */
export async function answer(source: PretrainedSource, rounds: number): Promise<Answer> {
  const subject = await load(source);
  const [forwardMs, labelMs]: [number[], number[]] = [[], []];
  let [logits, label]: [number[], string] = [[], ""];
  for (let round = -rounds; round < rounds; round++) {
    const begin = performance.now();
    logits = subject.forward();
    const middle = performance.now();
    label = await subject.label();
    const end = performance.now();
    if (round < 0) continue;
    forwardMs.push(middle - begin);
    labelMs.push(end - middle);
  }
  return { tokens: subject.tokens, logits, label, forwardMs, labelMs };
}

/** What can be timed. */
export interface Subject {
  /** Logits of 32 tokens, read back. */
  forward(): number[];
  /** A comment to its label, from the text on. */
  label(): Promise<string>;
  /** Tokens of the comment. */
  readonly tokens: number;
}

/** Load the model on the backend that is set. */
export async function load(source: PretrainedSource): Promise<Subject> {
  const sentiment = await loadClassifyText(source);
  const { model } = sentiment;
  const ids = Int32Array.from({ length: 32 }, (_, i) => (i === 0 ? 2 : i === 31 ? 3 : 200 + 37 * i));
  return {
    tokens: sentiment.tokenizer.encode(COMMENT).length,
    forward() {
      const inputIds = tf.tensor2d(ids, [1, 32], "int32");
      const { logits } = model.forward({ inputIds });
      const said = [...logits.dataSync()];
      tf.dispose([inputIds, logits]);
      return said;
    },
    async label() {
      const [{ label }] = await sentiment.run(COMMENT);
      return label;
    },
  };
}
