/**
 * What `/metrics` tells, under the names of text-embeddings-inference, so that its dashboards work here too, in the text
 * format of Prometheus.
 */
export class Metrics {
  readonly #counters = new Map<CounterName, Map<string, number>>();
  readonly #histograms = new Map<HistogramName, Histogram>();
  readonly #gauges: Readonly<Record<GaugeName, () => number>>;

  /** @param gauges What is true at the moment it is asked. */
  constructor(gauges: Readonly<Record<GaugeName, () => number>>) {
    this.#gauges = gauges;
    for (const name of Object.keys(histogramNames) as HistogramName[]) {
      this.#histograms.set(name, new Histogram(histogramNames[name].buckets));
    }
  }

  /** Count one more. */
  count(name: CounterName, labels: Readonly<Record<string, string>> = {}): void {
    const counts = this.#counters.get(name) ?? new Map<string, number>();
    this.#counters.set(name, counts);
    const key = labelsText(labels);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  /** Take in a value: seconds for durations. */
  observe(name: HistogramName, value: number): void {
    this.#histograms.get(name)!.observe(value);
  }

  /** All of it, in the text format of Prometheus. */
  text(): string {
    const lines: string[] = [];
    for (const [name, help] of Object.entries(counterNames)) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
      const counts = this.#counters.get(name as CounterName) ?? new Map<string, number>([["", 0]]);
      for (const [labels, count] of counts) lines.push(`${name}${labels} ${count}`);
    }
    for (const [name, { help }] of Object.entries(histogramNames)) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
      lines.push(...this.#histograms.get(name as HistogramName)!.lines(name));
    }
    for (const [name, help] of Object.entries(gaugeNames)) {
      lines.push(
        `# HELP ${name} ${help}`,
        `# TYPE ${name} gauge`,
        `${name} ${this.#gauges[name as GaugeName]()}`,
      );
    }
    return `${lines.join("\n")}\n`;
  }
}

/** What several processes tell, added up: counts, sums and gauges alike. */
export function joinedMetrics(texts: readonly string[]): string {
  const lines = new Map<string, number | undefined>();
  for (const line of texts.flatMap((text) => text.split("\n"))) {
    if (line === "" || line.startsWith("#")) {
      if (line !== "") lines.set(line, undefined);
      continue;
    }
    const space = line.lastIndexOf(" ");
    const series = line.slice(0, space);
    lines.set(series, (lines.get(series) ?? 0) + Number(line.slice(space + 1)));
  }
  const sums = [...lines].map(([series, sum]) => (sum === undefined ? series : `${series} ${sum}`));
  return `${inFamilies(sums).join("\n")}\n`;
}

/** Counters of {@link Metrics}. */
export type CounterName = keyof typeof counterNames;
/** Histograms of {@link Metrics}. */
export type HistogramName = keyof typeof histogramNames;
/** Gauges of {@link Metrics}. */
export type GaugeName = keyof typeof gaugeNames;

// --- internal ---

const counterNames = {
  te_request_count: "Requests to a model.",
  te_request_success: "Requests to a model that were answered.",
  te_request_failure: "Requests to a model that were refused, by kind of error.",
};

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const counts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384];

const histogramNames = {
  te_request_duration: { help: "Seconds from a request to its answer.", buckets: seconds },
  te_request_tokenization_duration: { help: "Seconds of a request's tokenization.", buckets: seconds },
  te_request_queue_duration: { help: "Seconds that a request waited for its model.", buckets: seconds },
  te_request_inference_duration: { help: "Seconds that a request's model computed.", buckets: seconds },
  te_request_input_length: { help: "Tokens of a text.", buckets: counts },
  te_batch_next_size: { help: "Texts of a batch.", buckets: counts },
  te_batch_next_tokens: { help: "Tokens of a batch.", buckets: counts },
};

const gaugeNames = {
  te_queue_size: "Texts that wait for a model.",
  kcbert_models_loaded: "Models in memory.",
  kcbert_model_bytes: "Bytes of weights in memory.",
};

class Histogram {
  readonly #buckets: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
    this.#counts = buckets.map(() => 0);
  }

  observe(value: number): void {
    for (const [i, most] of this.#buckets.entries()) if (value <= most) this.#counts[i]! += 1;
    this.#sum += value;
    this.#count += 1;
  }

  *lines(name: string): Generator<string> {
    for (const [i, most] of this.#buckets.entries()) yield `${name}_bucket{le="${most}"} ${this.#counts[i]}`;
    yield `${name}_bucket{le="+Inf"} ${this.#count}`;
    yield `${name}_sum ${this.#sum}`;
    yield `${name}_count ${this.#count}`;
  }
}

/** Lines of one metric together, as the format asks: a series that only a later process had came last. */
function inFamilies(lines: readonly string[]): string[] {
  const families = new Map<string, string[]>();
  for (const line of lines) {
    const name = /^(?:# (?:HELP|TYPE) )?(\w+)/.exec(line)![1]!;
    const family = families.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, "");
    const known = families.get(families.has(family) ? family : name);
    if (known === undefined) families.set(name, [line]);
    else known.push(line);
  }
  return [...families.values()].flat();
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\\n]/g, "_")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
