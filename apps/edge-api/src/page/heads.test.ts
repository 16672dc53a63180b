import { createAdaptorServer } from "@hono/node-server";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createApp, type AppOptions } from "../app.ts";
import { folderPage } from "../entries/_node_page.ts";
import type { ServedModel } from "../models.ts";
import { startBackend, tinyModelFor, versionOf, type Files } from "../testing/tiny_model.ts";

const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
/** Where pictures of the page go, if somebody wants to look at them. */
const pictures = process.env.PAGE_PICTURES;

describe.skipIf(!existsSync(executable))("the page with models for other tasks in Chromium", () => {
  let folders: [string, Files][];
  let browser: Awaited<ReturnType<typeof chromium.launch>>;
  const page = folderPage(new URL("./", import.meta.url)); // one for all: it bundles the browser's part once
  beforeAll(async () => {
    folders = [
      ["mini", await tinyModelFor("fill-mask", 1)],
      ["sentiment", await tinyModelFor("text-classification", 2, ["부정", "긍정"])],
      ["hate", await tinyModelFor("text-classification", 9, ["none", "offensive", "hate"])],
      ["ner", await tinyModelFor("token-classification", 4, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])],
      ["embedding", await tinyModelFor("feature-extraction", 6)],
    ];
    browser = await chromium.launch({ executablePath: executable, headless: true, args: flags.split(" ") });
  });
  afterAll(() => browser?.close());

  async function serving(ids: readonly string[], options: Partial<AppOptions> = {}): Promise<string> {
    const models = folders
      .filter(([id]) => ids.includes(id))
      .map(([id, files]): ServedModel => ({ id, current: async () => versionOf(files, "1") }));
    const app = createApp({ models, backend: startBackend, page, shareModels: true, ...options });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  async function open(address: string, options: Parameters<typeof browser.newContext>[0] = {}) {
    const context: BrowserContext = await browser.newContext({ locale: "en-US", ...options });
    onTestFinished(() => context.close());
    const page: Page = await context.newPage();
    const complaints: string[] = [];
    const asked: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", ({ message }) => complaints.push(message));
    page.on("request", (request) => {
      asked.push(`${request.method()} ${new URL(request.url()).pathname}`);
      if (!request.url().startsWith(address)) complaints.push(`asks ${request.url()}`);
    });
    await page.goto(address);
    return { page, complaints, asked };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  }

  const comment = "★오늘 영화 정말 재밌다 ㅋㅋㅋㅋㅋ 👍";
  const everything = ["mini", "sentiment", "hate", "ner", "embedding"];

  async function ask(address: string, path: string, body: unknown) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(new URL(path, address), {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return response.json();
  }

  test("shows what every model says of a comment, and where it comes from", async () => {
    const address = await serving(everything);
    const { page, complaints } = await open(address);
    await page.fill("#comment", comment);
    await page.locator("#verdicts .verdict-line").nth(1).waitFor();
    expect(await page.locator("#verdicts h2").allInnerTexts()).toEqual(["Sentiment", "Hate", "Names"]);
    const direct = await ask(address, "/v1/analyze", { inputs: comment, explain: true });
    const [best] = direct.labels.sentiment;
    const line = await page.locator('[data-model="sentiment"] .verdict-line').innerText();
    const percent = `${(100 * best.score).toFixed(1)}%`;
    expect(line).toBe(`${best.label === "긍정" ? "Positive" : "Negative"} ${percent}`);
    const scale = Math.max(
      0.05,
      ...direct.explanations.sentiment.words.map((w: { weight: number }) => Math.abs(w.weight)),
    );
    const marked = direct.explanations.sentiment.words.filter(
      (w: { weight: number }) => Math.abs(w.weight) / scale >= 0.1,
    );
    expect(await page.locator('[data-model="sentiment"] mark').allInnerTexts()).toEqual(
      marked.map(({ text }: { text: string }) => text),
    );
    expect(await page.locator('[data-model="sentiment"] .weighed').innerText()).toBe(comment);
    expect(await page.locator('[data-model="ner"] mark').count()).toBe(direct.spans.ner.length);

    const near = page.locator("#near-list .token");
    await near.nth(5).waitFor();
    const others = (await page.inputValue("#others")).split("\n");
    const inputs = { source_sentence: comment, sentences: others };
    const scores: number[] = await ask(address, "/models/embedding/pipeline/sentence-similarity", { inputs });
    const ranked = others.map((text, i) => [text, scores[i]!] as const).toSorted((a, b) => b[1] - a[1]);
    expect(await near.allInnerTexts()).toEqual(ranked.map(([text]) => text));

    const tokens = await ask(address, "/tokenize?model=mini", {
      inputs: "오늘 영화 정말 재밌다 ㅋㅋ 👍",
      add_special_tokens: false,
    });
    expect(await page.locator("#tokens li").allInnerTexts()).toEqual(
      tokens[0].map(({ text }: { text: string }) => text),
    );
    await page.getByRole("button", { name: "Hide “정말”" }).click();
    await page.locator("#fills .bar-row").nth(4).waitFor();
    await picture(page, "light");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "dark");
    expect(complaints).toEqual([]);
  });

  test("computes in the browser when asked to: the same answers, and no comment leaves it", async () => {
    const address = await serving(everything);
    const { page, complaints, asked } = await open(address);
    await page.getByRole("button", { name: "This browser" }).click();
    asked.length = 0;
    await page.fill("#comment", comment);
    await page.locator("#verdicts .verdict-line").nth(1).waitFor();
    await page.locator("#near-list .token").nth(5).waitFor();
    await page.locator("#took", { hasText: "in this browser" }).waitFor();
    await page.getByRole("button", { name: "Hide “정말”" }).click();
    await page.locator("#fills .bar-row").nth(4).waitFor();
    expect(asked.filter((request) => request.startsWith("POST"))).toEqual([]);
    expect(asked).toContain("GET /models/sentiment/files/model.safetensors");
    const direct = await ask(address, "/v1/analyze", { inputs: comment });
    const percent = `${(100 * direct.labels.hate[0].score).toFixed(1)}%`;
    expect(await page.locator('[data-model="hate"] .verdict-line').innerText()).toContain(percent);
    const fills = await ask(address, "/models/mini", { inputs: "오늘 영화 [MASK] 재밌다 ㅋㅋ 👍" });
    expect(await page.locator("#fills .token").allInnerTexts()).toEqual(
      fills.map(({ token_str }: { token_str: string }) => token_str),
    );
    await page.getByRole("button", { name: "Server" }).click();
    await page.locator("#took", { hasText: "there and back" }).waitFor();
    expect(asked.some((request) => request.startsWith("POST /v1/analyze"))).toBe(true);
    expect(complaints).toEqual([]);
  });

  test("says of a verdict that is too uncertain that it is", async () => {
    const [sentiment, hate] = [1, 2].map((i) => {
      const files = folders[i]![1];
      const config = JSON.parse(new TextDecoder().decode(files.get("config.json")));
      const kcbert = { ...config.kcbert, unsure_below: i === 1 ? 1 : 0 };
      return new Map([
        ...files,
        ["config.json", new TextEncoder().encode(JSON.stringify({ ...config, kcbert }))],
      ]);
    });
    const models = Object.entries({ sentiment, hate }).map(([id, files]): ServedModel => ({
      id,
      current: async () => versionOf(files as Files, "unsure"),
    }));
    const { page, complaints } = await open(await serving([], { models }));
    await page.fill("#comment", comment);
    await page.locator("#verdicts .verdict-line").nth(1).waitFor();
    expect(await page.locator("#verdicts .verdict-line").allInnerTexts()).toEqual([
      expect.stringMatching(/^(?:Positive|Negative) [\d.]+% · too uncertain to act on$/),
      expect.stringMatching(/^(?:Harmless|Offensive|Hate) [\d.]+%$/),
    ]);
    expect(complaints).toEqual([]);
  });

  test("has no panel for a model that is not there", async () => {
    const { page, complaints } = await open(await serving(["sentiment"], { shareModels: false }));
    await page.fill("#comment", comment);
    await page.locator("#verdicts .verdict-line").waitFor();
    expect(await page.locator("#verdicts h2").allInnerTexts()).toEqual(["Sentiment"]);
    for (const id of ["#ask", "#words-block", "#training", "#place", "#samples"]) {
      expect(await page.locator(id).isVisible(), id).toBe(false);
    }
    expect(await page.locator("#nearest").isVisible()).toBe(true); // any encoder embeds
    const { page: empty } = await open(await serving([]));
    await empty.locator("#connection").waitFor({ state: "hidden" });
    expect(await empty.locator("#nearest").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  test("speaks Korean, fits a phone, and is used with the keyboard", async () => {
    const address = await serving(everything);
    const { page, complaints } = await open(address, {
      locale: "ko-KR",
      viewport: { width: 360, height: 740 },
    });
    await page.focus("#comment");
    await page.keyboard.type("오늘 영화 정말 재밌다");
    await page.locator("#verdicts .verdict-line").nth(1).waitFor();
    expect(await page.locator("#verdicts h2").allInnerTexts()).toEqual(["감정", "혐오", "이름"]);
    await page.locator("#near-list .token").nth(5).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture(page, "phone");
    await page.focus("[data-place=browser]");
    await page.keyboard.press("Enter");
    await page.locator("#took", { hasText: "이 브라우저에서" }).waitFor();
    expect(await page.locator("[data-place=browser]").getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("button", { name: "English" }).click();
    expect(await page.locator("#verdicts h2").allInnerTexts()).toEqual(["Sentiment", "Hate", "Names"]);
    expect(complaints).toEqual([]);
  });

  test("asks for a key where the server does", async () => {
    const address = await serving(everything, { auth: { keys: ["open-sesame"] } });
    const { page } = await open(address);
    await page.fill("#comment", "오늘 영화");
    await page.locator("#problem", { hasText: "Cannot answer without a key" }).waitFor();
    await page.fill("#key", "open-sesame");
    await page.press("#key", "Tab");
    await page.locator("#verdicts .verdict-line").nth(1).waitFor();
    expect(await page.locator("#key-field").isVisible()).toBe(false);
    expect(await page.locator("#problem").innerText()).toBe("");
  });

  test("the documentation is readable, in both schemes", async () => {
    const address = await serving(everything);
    const { page, complaints } = await open(`${address}docs`);
    expect(await page.locator(".route").count()).toBeGreaterThan(20);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await picture(page, "docs");
    expect(complaints.filter((complaint) => !complaint.startsWith("asks"))).toEqual([]);
  });
});
