import type { BertConfig } from "@kcbert/bert";

/** The names of a model's labels; `LABEL_0`, `LABEL_1`, … where the config names none. */
export function labelsOf({ id2label, numLabels }: BertConfig): readonly string[] {
  return id2label ?? Array.from({ length: numLabels }, (_, id) => `LABEL_${id}`);
}
