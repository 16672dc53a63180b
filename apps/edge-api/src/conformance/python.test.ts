/** Python's clients against the server, where `KCBERT_PYTHON` names a Python that has them. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveTinyModels, type Serving } from "./serving.ts";

const python = process.env["KCBERT_PYTHON"];
const run = promisify(execFile);

/** Whether Python has a package. */
async function has(name: string): Promise<boolean> {
  if (python === undefined) return false;
  return run(python, ["-c", `import ${name}`]).then(
    () => true,
    () => false,
  );
}

const [hasHub, hasOpenAi] = [await has("huggingface_hub"), await has("openai")];
if (!hasHub)
  console.warn("Python's huggingface_hub is not tested: name a Python that has it in KCBERT_PYTHON"); // oxlint-disable-line no-console -- a test that is left out says so
if (!hasOpenAi) console.warn("Python's openai is not tested: name a Python that has it in KCBERT_PYTHON"); // oxlint-disable-line no-console -- a test that is left out says so

let serving: Serving;
beforeAll(async () => {
  serving = await serveTinyModels();
});
afterAll(() => serving.stop());

async function answerOf(program: string): Promise<unknown> {
  const { stdout } = await run(python!, ["-c", program, serving.address], {
    env: { ...process.env, NO_PROXY: "127.0.0.1" },
  });
  return JSON.parse(stdout);
}

test.skipIf(!hasHub)("huggingface_hub: six tasks, and what it tells of a failure", async () => {
  const answer = await answerOf(`
import json, sys
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
def to(id): return InferenceClient(model=f"{sys.argv[1]}/models/{id}")
text = "👍 오늘 영화 정말 재밌다"
fills = to("mask").fill_mask("오늘 [MASK]", top_k=2)
labels = to("mood").text_classification(text)
names = to("names").token_classification(text, aggregation_strategy="simple")
answer = to("answers").question_answering(question="뭐가 재밌다?", context=text)
alike = to("beomi/vectors").sentence_similarity("영화", other_sentences=["영화", "최고"])
vectors = to("beomi/vectors").feature_extraction(text, normalize=True)
try: failure = str(to("mask").fill_mask("오늘"))
except HfHubHTTPError as error: failure = str(error)
print(json.dumps({
  "fills": [f.token_str for f in fills],
  "labels": sorted(l.label for l in labels),
  "names": all(text[n.start:n.end].replace(" ", "") == n.word.replace(" ", "") for n in names) and len(names) > 0,
  "answer": text[answer.start:answer.end] == answer.answer,
  "alike": [round(a, 4) for a in alike][0],
  "shape": list(vectors.shape),
  "failure": failure,
}))
`);
  expect(answer).toMatchObject({
    labels: ["긍정", "부정"],
    names: true,
    answer: true,
    alike: 1,
    shape: [1, 16],
  });
  expect((answer as { fills: string[] }).fills).toHaveLength(2);
  expect((answer as { failure: string }).failure).toMatch(/it holds no mask/);
});

test.skipIf(!hasOpenAi)("openai: embeddings, moderations, and what it tells of a failure", async () => {
  const answer = await answerOf(`
import json, sys
from openai import OpenAI, APIStatusError
client = OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none")
data = client.embeddings.create(model="beomi/vectors", input=["영화", "최고"]).data
moderation = client.moderations.create(input="시간 낭비").results[0]
try: failure = str(client.embeddings.create(model="gpt", input="영화"))
except APIStatusError as error: failure = str(error)
print(json.dumps({
  "sizes": [len(d.embedding) for d in data],
  "flagged": moderation.flagged == any(v for v in moderation.categories.model_dump().values()),
  "models": [m.id for m in client.models.list()],
  "failure": failure,
}))
`);
  expect(answer).toMatchObject({
    sizes: [16, 16],
    flagged: true,
    models: expect.arrayContaining(["beomi/vectors"]),
  });
  expect((answer as { failure: string }).failure).toMatch(/There is no model "gpt"/);
});
