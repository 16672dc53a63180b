/**
 * Run a program on the CPU plugin and print what it gives; then end as the second argument says, with the device still
 * at work: by itself, by `exit`, or by an error that nobody catches.
 */
import process from "node:process";
import { PjrtClient, PjrtPlugin } from "@kcbert/xla";

const [path = "", ending] = process.argv.slice(2);
const client = PjrtClient.create(await PjrtPlugin.load(path), { cpu_device_count: 1 });
const program = await client.compile(`
  func.func @main(%x: tensor<2xf32> {tf.aliasing_output = 0 : i32}) -> tensor<2xf32> {
    %0 = stablehlo.add %x, %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  }`);
let x = client.toDevice(Float32Array.of(1, 2), "float32", [2]);
for (let turn = 0; turn < 3; turn++) x = program.execute([[x]])[0]![0]!;
const reason = await client.compile("nonsense").then(
  () => "accepted",
  (error: Error) => error.name,
);
const values = new Float32Array((await x.toHost()).buffer).join(" ");
process.stdout.write(`${values} ${client.platform} ${reason}\n`);

const heavy = await client.compile(`
  func.func @main(%x: tensor<800x800xf32>) -> tensor<800x800xf32> {
    %0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (tensor<800x800xf32>, tensor<800x800xf32>) -> tensor<800x800xf32>
    return %0 : tensor<800x800xf32>
  }`);
let product = client.toDevice(new Float32Array(800 * 800), "float32", [800, 800]);
for (let turn = 0; turn < 8; turn++) product = heavy.execute([[product]])[0]![0]!;
if (ending === "exit") process.exit(0);
if (ending === "throw") throw new Error("nobody catches this");
