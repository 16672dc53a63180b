/**
 * A graph as StableHLO text.
 *
 * Operations are written in MLIR's generic form, with the attributes that have been the same since 2023, for that is what
 * plugins of different ages read: the pretty forms of the dialect have changed more often.
 */
import type { Graph, Value } from "./graph.ts";
import { type TensorType, typeText } from "./types.ts";

/** How a tensor lies on the devices: a copy on each, or its first dimension divided among them. */
export type Sharding = "replicated" | "divided";

/** What a program is, besides its operations. */
export interface ModuleOptions {
  /** Of the module, for messages and dumps. */
  readonly name: string;
  readonly results: readonly Value[];
  /** Parameters that may be overwritten, with the result that takes their place. */
  readonly aliases?: ReadonlyMap<number, number>;
  /** How many devices the program is divided among. @default 1 */
  readonly partitions?: number;
  /** How parameters lie; only read with more than one partition. */
  readonly parameterShardings?: readonly Sharding[];
  /** How results lie; only read with more than one partition. */
  readonly resultShardings?: readonly Sharding[];
}

/** The text of a module with one function, `main`. All parameters of the graph stay, needed or not. */
export function moduleText(graph: Graph, options: ModuleOptions): string {
  const { name, results, aliases, partitions = 1 } = options;
  const parameters = graph.parameters.map((parameter, i) => {
    const result = aliases?.get(i);
    const attributes = [
      ...(result === undefined ? [] : [`tf.aliasing_output = ${result} : i32`]),
      ...shardingText(parameter, options.parameterShardings?.[i], partitions),
    ];
    return `${nameOf(parameter)}: ${typeText(parameter)}${braced(attributes)}`;
  });
  const resultTypes = results.map((result, i) => {
    return `${typeText(result)}${braced(shardingText(result, options.resultShardings?.[i], partitions))}`;
  });
  const lines = graph.needed(results).filter(({ op }) => op !== "parameter");
  const returned = results.map(nameOf).join(", ");
  return [
    `module @${name} attributes {mhlo.num_partitions = ${partitions} : i32, mhlo.num_replicas = 1 : i32} {`,
    `  func.func public @main(${parameters.join(", ")}) -> (${resultTypes.join(", ")}) {`,
    ...lines.map(operationText),
    `    "func.return"(${returned}) : (${results.map(typeText).join(", ")}) -> ()`,
    "  }",
    "}",
    "",
  ].join("\n");
}

// --- internal ---

function operationText({ id, op, operands, attributes, region, dtype, shape }: Value): string {
  const arguments_ = operands.map(nameOf).join(", ");
  const types = operands.map(typeText).join(", ");
  const regions = region === "" ? "" : ` (${region})`;
  const dictionary = attributes === "" ? "" : ` {${attributes}}`;
  return `    %${id} = "${op}"(${arguments_})${regions}${dictionary} : (${types}) -> ${typeText({ dtype, shape })}`;
}

function nameOf(value: Value): string {
  return value.op === "parameter" ? `%arg${value.attributes}` : `%${value.id}`;
}

function braced(attributes: readonly string[]): string {
  return attributes.length === 0 ? "" : ` {${attributes.join(", ")}}`;
}

/** GSPMD's attribute, which both partitioners read. */
function shardingText(type: TensorType, sharding: Sharding | undefined, partitions: number): string[] {
  if (partitions === 1) return [];
  if (sharding !== "divided") return [`mhlo.sharding = "{replicated}"`];
  const tiles = [partitions, ...type.shape.slice(1).map(() => 1)].join();
  const devices = Array.from({ length: partitions }, (_, i) => i).join();
  return [`mhlo.sharding = "{devices=[${tiles}]${devices}}"`];
}
