/** The server against schemathesis, which makes requests of the OpenAPI document in its own way; where Python has it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { serveTinyModels } from "../../apps/edge-api/src/conformance/serving.ts";
import { report, soakMs } from "./_duration.ts";

const program = join(dirname(process.env["KCBERT_PYTHON"] ?? "/none/python"), "schemathesis");
if (!existsSync(program)) report("edge: schemathesis is not run: name a Python that has it in KCBERT_PYTHON");

test.skipIf(!existsSync(program))(
  "schemathesis finds no failure of the server, and no body that the document denies",
  async () => {
    const serving = await serveTinyModels();
    const examples = Math.max(5, Math.round(soakMs / 1_200));
    const checks =
      "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    const args = [
      "run",
      `${serving.address}/openapi.json`,
      "--phases",
      "examples,fuzzing",
      "--checks",
      checks,
    ];
    const limits = ["--max-examples", String(examples), "--request-timeout", "30", "--seed", "1"];
    const child = spawn(program, [...args, ...limits, "--exclude-path", "/training/events"], {
      env: { ...process.env, NO_PROXY: "127.0.0.1", NO_COLOR: "1" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = await once(child, "exit");
    serving.stop();
    expect(code, output.slice(-4_000)).toBe(0);
    report(`edge: schemathesis: no failure in ${serving.requests()} requests`);
  },
);
