import { defineConfig } from "vitest/config";

/** Tests run on the sources: the `@kcbert/source` export condition leads to `src/`. */
export default defineConfig({
  resolve: { conditions: ["@kcbert/source"] },
  ssr: { resolve: { conditions: ["@kcbert/source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "tests/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
