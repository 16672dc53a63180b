import { defineConfig } from "vitest/config";

/**
 * The third tier of tests: long load, fuzz and kill tests on the sources, one file after another, so that each has the
 * machine for itself. They end by themselves; `SOAK_MINUTES` says when.
 */
// oxlint-disable-next-line import/no-default-export -- what vitest reads
export default defineConfig({
  resolve: { conditions: ["@kcbert/source"] },
  ssr: { resolve: { conditions: ["@kcbert/source"] } },
  test: {
    include: ["tests/soak/*.soak.ts"],
    testTimeout: 3_600_000, // each test keeps its own time; this one is for what hangs
    hookTimeout: 600_000,
    pool: "forks",
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
