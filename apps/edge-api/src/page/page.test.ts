import { createAdaptorServer } from "@hono/node-server";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { trainingFolder } from "../entries/_node_folder.ts";
import { folderPage } from "../entries/_node_page.ts";
import { runModel } from "../run_model.ts";
import { appendEvents, recordedRun } from "../testing/recorded_run.ts";
import { temporaryFolder } from "../testing/temporary_folder.ts";
import { startBackend, tinyModel, writeFolder, type Files } from "../testing/tiny_model.ts";
import { TrainingRun } from "../training_run.ts";

const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

if (!existsSync(executable))
  console.warn(`The page is not tested: there is no Chromium at ${executable}; name one in CHROMIUM`); // oxlint-disable-line no-console -- a test that is left out says so

describe.skipIf(!existsSync(executable))("the page in Chromium", () => {
  let files: Files;
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  beforeAll(async () => {
    files = await tinyModel(1);
    browser = await chromium.launch({ executablePath: executable, headless: true, args: flags.split(" ") });
  });
  afterAll(() => browser?.close());

  /** A server that follows a new run, and how to stop it. */
  async function serving(folder?: string, port = 0) {
    folder ??= await temporaryFolder();
    const log = () => {};
    const run = new TrainingRun(trainingFolder(folder), {
      clock: systemClock,
      log,
      pollMs: 50,
      settleMs: 500,
    });
    const stopping = new AbortController();
    const app = createApp({
      models: [runModel("run", run)],
      backend: startBackend,
      training: run,
      page: folderPage(new URL("./", import.meta.url)),
      shutdown: stopping.signal,
    });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const stop = () => {
      stopping.abort();
      server.close();
      server.closeAllConnections();
    };
    onTestFinished(stop);
    return {
      folder,
      metrics: join(folder, "metrics.jsonl"),
      address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      stop,
    };
  }

  /** Open the page, and note all that it complains about. */
  async function open(address: string, options: Parameters<typeof browser.newContext>[0] = {}) {
    const context: BrowserContext = await browser.newContext({ locale: "en-US", ...options });
    onTestFinished(() => context.close());
    const page: Page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("request", (request) => {
      if (!request.url().startsWith(address)) complaints.push(`asks ${request.url()}`);
    });
    await page.goto(address);
    return { page, complaints };
  }

  const textOf = (page: Page, selector: string) => page.locator(selector).innerText();

  test("waits, shows the training as it happens, and ends with it, without a complaint", async () => {
    const { address, folder, metrics } = await serving();
    const { page, complaints } = await open(address);
    await page.locator('#phase[data-phase="waiting"]').waitFor();
    expect(await textOf(page, "#answerer")).toBe("No model yet");

    const all = [...recordedRun(40)];
    await appendEvents(metrics, all.slice(0, 27));
    await page.locator('#phase[data-phase="running"]').waitFor();
    await page.locator(".plot path.average").waitFor({ state: "attached" });
    await page.locator("text=after 20 steps").first().waitFor();
    expect(await textOf(page, "#legend")).toMatch(/Word frequency alone 6\.50/);
    expect(await page.locator(".plot circle.held-out").count()).toBe(2);
    expect(await page.locator(".plot line.unigram").count()).toBe(1);
    expect(await page.locator("#sample-grid .sentence").innerText()).toBe("오늘 영화 정말 재밌");
    expect(await page.locator("#sample-grid .bar-row").count()).toBe(5);
    const early = await page.locator("#figures dd").first().innerText();
    expect(early).toMatch(/^2\d \/ 40$/);

    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    await appendEvents(metrics, all.slice(27));
    await page.locator('#phase[data-phase="done"]').waitFor();
    await page.locator('#answerer[data-state="final"]').waitFor();
    expect(await textOf(page, "#story")).toMatch(/beats guessing by word frequency by 0\.90 nats/);
    expect(complaints).toEqual([]);
  });

  test("cleans what is typed, hides the word that is clicked, and shows what the model puts there", async () => {
    const { address, folder, metrics } = await serving();
    await appendEvents(metrics, [...recordedRun(20)].slice(0, 15));
    await writeFolder(join(folder, "checkpoint-10"), files);
    const { page, complaints } = await open(address);
    await page.locator("text=Answers: checkpoint at step 10").waitFor();
    await page.fill("#comment", "★오늘 영화 진짜 재밌다ㅋㅋㅋㅋㅋ!");
    await page.locator("#source del").first().waitFor();
    expect(await page.locator("#source del").allInnerTexts()).toEqual(["★", "ㅋㅋㅋ"]);
    expect(await textOf(page, "#dropped")).toBe("4 characters dropped");
    expect(await page.locator("#words .chip").allInnerTexts()).toEqual([
      "오늘",
      "영화",
      "진짜",
      "재밌다",
      "ㅋㅋ",
      "!",
    ]);

    await page.getByRole("button", { name: "Hide “진짜”" }).click();
    await page.locator("#fills .bar-row").nth(4).waitFor();
    const direct = await fetch(`${address}models/run`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: "오늘 영화 [MASK] 재밌다ㅋㅋ!" }),
    });
    const answers: { token_str: string; score: number }[] = await direct.json();
    expect(await page.locator("#fills .token").allInnerTexts()).toEqual(
      answers.map(({ token_str }) => token_str),
    );
    const percents = answers.map(({ score }) => `${(score * 100).toFixed(1)}%`);
    expect(await page.locator("#fills .percent").allInnerTexts()).toEqual(percents);
    expect(await page.locator("#filled .guess").innerText()).toBe(answers[0]!.token_str.replace("##", ""));
    expect(await page.locator("#spoken").textContent()).toContain(percents[0]);

    await page.fill("#comment", "[MASK] 영화");
    await page.press("#comment", "Enter");
    await page.locator("#answers[data-stale=false] #filled", { hasText: "영화" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("says what is missing, and nothing else, when there is nothing to ask", async () => {
    const { address, folder, metrics } = await serving();
    const { page, complaints } = await open(address);
    const problem = async (comment: string, expected: RegExp) => {
      await page.fill("#comment", comment);
      await page.click("#ask");
      await page.locator("#problem", { hasText: expected }).waitFor();
    };
    await problem("", /Write a comment first/);
    await problem("★★★", /Nothing is left/);
    await problem("영화", /Choose a word to hide/);
    await problem("[MASK] [MASK]", /more than one \[MASK\]/);
    await problem("[MASK] 영화", /no model to ask yet/);
    await appendEvents(metrics, [...recordedRun(20)].slice(0, 15));
    await writeFolder(join(folder, "checkpoint-10"), files);
    await page.locator("#fills .bar-row").nth(4).waitFor(); // what waited for a model is asked by itself
    expect(await textOf(page, "#problem")).toBe("");
    expect(complaints).toEqual([]);
  });

  test("speaks Korean and English, dark and light, and fits a phone", async () => {
    const { address, metrics } = await serving();
    await appendEvents(metrics, [...recordedRun(40)].slice(0, 30));
    const { page, complaints } = await open(address, {
      locale: "ko-KR",
      colorScheme: "dark",
      viewport: { width: 360, height: 740 },
    });
    await page.locator("text=학습 중").waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("ko");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = await background();
    await page.emulateMedia({ colorScheme: "light" });
    expect(await background()).not.toBe(dark);
    await page.getByRole("button", { name: "English" }).click();
    await page.locator("#phase", { hasText: "Training" }).waitFor();
    await page.reload();
    await page.locator("#phase", { hasText: "Training" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("en");
    expect(complaints).toEqual([]);
  });

  test("is used with the keyboard alone", async () => {
    const { address, folder, metrics } = await serving();
    await appendEvents(metrics, [...recordedRun(40)].slice(0, 30));
    await writeFolder(join(folder, "checkpoint-10"), files);
    const { page, complaints } = await open(address);
    await page.locator("text=Answers: checkpoint").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // the link that skips to the comment
    await page.keyboard.press("Tab");
    await page.focus("#comment");
    await page.keyboard.type("오늘 영화 진짜");
    await page.locator("#words .chip").nth(2).waitFor();
    for (let i = 0; i < 4; i++) await page.keyboard.press("Tab"); // the examples, then the first word
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("오늘");
    await page.keyboard.press("Space");
    await page.locator("#fills .bar-row").nth(4).waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-pressed"))).toBe("true");
    await page.focus("#plot");
    const spoken = () => page.locator("#plot").getAttribute("aria-label");
    const end = await spoken();
    await page.keyboard.press("Home");
    await expect.poll(spoken).toMatch(/^Step 1: /);
    expect(await page.locator("#chart-spoken").textContent()).toMatch(/^Step 1: training loss \d\.\d\d, /);
    expect(await spoken()).not.toBe(end);
    expect(complaints).toEqual([]);
  });

  test("says when the server is gone, and goes on when it is back", async () => {
    const { address, folder, metrics, stop } = await serving();
    await appendEvents(metrics, [...recordedRun(40)].slice(0, 10));
    const { page } = await open(address);
    await page.locator('#phase[data-phase="running"]').waitFor();
    stop();
    await page.locator("#connection", { hasText: "The server does not answer" }).waitFor();
    await page.fill("#comment", "영화");
    await page.locator("#problem", { hasText: "The server does not answer" }).waitFor();

    await appendEvents(metrics, [...recordedRun(40)].slice(10, 20));
    await serving(folder, Number(new URL(address).port));
    await page.locator("#connection").waitFor({ state: "hidden" });
    await page.locator("text=after 10 steps").first().waitFor();
    expect(await page.locator("#figures dd").first().innerText()).toMatch(/^1\d \/ 40$/);
  });
});
