#!/usr/bin/env node
/**
 * The command line of KcBERT: `kcbert-cli clean`, `train-tokenizer`, `tokenize`, `pretrain`, `fill-mask`, `download`,
 * `export`.
 *
 * @module
 */
import process from "node:process";
import { run } from "./cli.ts";

process.exitCode = await run(process.argv.slice(2));
