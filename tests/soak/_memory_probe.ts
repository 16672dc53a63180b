/** Loaded before a program (`node --expose-gc --import`): on SIGUSR2 it prints the bytes that are left after collecting garbage. */
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

process.on("SIGUSR2", async () => {
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 3; i++) {
    gc!();
    await pause(100); // what finalizers let go is collected the next time
  }
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${heapUsed + external}\n`);
});
