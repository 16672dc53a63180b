import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
// @boundaries-ignore tests may share fixtures
import { cpuPluginPath } from "../../../tests/xla/cpu_plugin.ts";
// @boundaries-ignore the folder is a test's
import { temporaryFolder } from "../test/run_cli.ts";

const path = cpuPluginPath();
const folder = temporaryFolder();

describe.skipIf(path === undefined)("Ctrl-C while XLA compiles", () => {
  test("ends the process at once, and what it was writing is gone", async () => {
    const unfinished = join(folder, "unfinished");
    const child = spawn(process.execPath, [
      "--conditions=@kcbert/source",
      "--input-type=module-typescript",
      "--eval",
      `
        import { writeFileSync } from "node:fs";
        import { interruptSignal, removeOnExit } from ${JSON.stringify(join(import.meta.dirname, "interrupt.ts"))};
        import { openClient } from ${JSON.stringify(join(import.meta.dirname, "plugin/open_client.ts"))};
        interruptSignal();
        const path = ${JSON.stringify(path)};
        const client = await openClient({ path, name: "cpu", from: "path" }, { cache: false });
        const type = "tensor<8x8xf32>";
        const body = Array.from({ length: 6000 }, (_, i) => \`
          %a\${i + 1} = stablehlo.dot_general %a\${i}, %a\${Math.max(0, i - 3)}, contracting_dims = [1] x [0] : (\${type}, \${type}) -> \${type}\`);
        const compiled = client.compile(\`func.func @main(%a0: \${type}) -> \${type} { \${body.join("")}
          return %a6000 : \${type} }\`);
        writeFileSync(${JSON.stringify(unfinished)}, "");
        removeOnExit(${JSON.stringify(unfinished)});
        console.log("compiling");
        await compiled;
        console.log("compiled");
      `,
    ]);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await once(child.stdout, "data");
    await sleep(300);
    expect(existsSync(unfinished)).toBe(true);
    child.kill("SIGINT");
    const [, signal] = await once(child, "exit");
    expect({ signal, output }).toEqual({ signal: "SIGINT", output: "compiling\n" });
    expect(existsSync(unfinished)).toBe(false);
  });
});
