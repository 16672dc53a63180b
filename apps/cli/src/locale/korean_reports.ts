/** What is told of trainings, models and plugins, in Korean; see `korean_messages.ts`, which has what concerns corpora. */
export const koreanReports: Readonly<Record<string, string>> = {
  // pretraining
  "Computing on {0}": "계산하는 장치: {0}",
  "Taking the backend {0}, the fastest that works here":
    "여기서 되는 것 가운데 가장 빠른 백엔드 {0}(을/를) 씁니다",
  "Taking the backend {0}, the fastest that works here; {1}":
    "여기서 되는 것 가운데 가장 빠른 백엔드 {0}(을/를) 씁니다. {1}",
  "Skipped the damaged checkpoint {0}: {1}": "손상된 체크포인트 {0}(을/를) 건너뜁니다: {1}",
  "it has no {0}, or one that cannot be read": "{0}(이/가) 없거나 읽을 수 없습니다",
  "{0} has {1} bytes, and was written with {2}": "{0}(이/가) {1}바이트인데, 쓸 때는 {2}바이트였습니다",
  "{0} is not what was written, by its checksum": "체크섬을 보면 {0}(이/가) 썼던 것과 다릅니다",
  "{0} cannot be read: {1}": "{0}(을/를) 읽을 수 없습니다: {1}",
  "Step {0}: held-out loss {1} ({2} against unigrams), accuracy {3} %":
    "스텝 {0}: 시험용 손실 {1} (유니그램 대비 {2}), 정확도 {3} %",
  "Step {0}, {4} %: held-out loss {1} ({2} against unigrams), accuracy {3} %":
    "스텝 {0}, {4} %: 시험용 손실 {1} (유니그램 대비 {2}), 정확도 {3} %",
  "Step {0}, {4} %: held-out loss {1} ({2} against unigrams), accuracy {3} %, {5} tokens/s, {6} left":
    "스텝 {0}, {4} %: 시험용 손실 {1} (유니그램 대비 {2}), 정확도 {3} %, 초당 토큰 {5}개, {6} 남음",
  "Step {0}, {4} %: held-out loss {1} ({2} against unigrams), accuracy {3} %, {5} tokens/s, MFU {7} %, {6} left":
    "스텝 {0}, {4} %: 시험용 손실 {1} (유니그램 대비 {2}), 정확도 {3} %, 초당 토큰 {5}개, MFU {7} %, {6} 남음",
  "unknown time": "알 수 없는 시간",
  "Trained {0} steps: held-out loss {1}, {2} below the unigram model's {3}; accuracy {4} % ({5})":
    "{0}스텝 학습: 시험용 손실 {1}, 유니그램 모델의 {3}보다 {2} 낮음. 정확도 {4} % ({5})",
  "Trained {0} steps: held-out loss {1}, {2} above the unigram model's {3}; accuracy {4} % ({5})":
    "{0}스텝 학습: 시험용 손실 {1}, 유니그램 모델의 {3}보다 {2} 높음. 정확도 {4} % ({5})",
  "Stopped after {0} steps: held-out loss {1}, {2} below the unigram model's {3}; accuracy {4} % (run the same command again to go on: {5})":
    "{0}스텝 뒤 중단: 시험용 손실 {1}, 유니그램 모델의 {3}보다 {2} 낮음. 정확도 {4} % (같은 명령을 다시 실행하면 이어집니다: {5})",
  "Stopped after {0} steps: held-out loss {1}, {2} above the unigram model's {3}; accuracy {4} % (run the same command again to go on: {5})":
    "{0}스텝 뒤 중단: 시험용 손실 {1}, 유니그램 모델의 {3}보다 {2} 높음. 정확도 {4} % (같은 명령을 다시 실행하면 이어집니다: {5})",
  "Would train {0} parameters: {1} layers of {2}, {3} heads, {4} tokens":
    "매개변수 {0}개를 학습합니다: 크기 {2}의 층 {1}개, 헤드 {3}개, 토큰 {4}개",
  "on {0} lines, {1} tokens, in {2}, {3} lines held out at most":
    "{0}줄, 토큰 {1}개, {2}에서. 시험용은 많아야 {3}줄",
  "one shard": "샤드 하나",
  "{0} shards": "샤드 {0}개",
  "for {0}, {1} tokens each": "{0}, 스텝마다 토큰 {1}개",
  "for {0}, {1} tokens each: {2} times through the corpus": "{0}, 스텝마다 토큰 {1}개: 코퍼스를 {2}번",
  "{0} steps": "{0}스텝",
  "{0} minutes": "{0}분",
  "{0} steps or {1} minutes": "{0}스텝이나 {1}분",
  "at {0} GFLOP a token; a checkpoint takes {1} MB": "토큰마다 {0} GFLOP. 체크포인트는 {1} MB",
  "at {0} GFLOP a token, {2} PFLOP in all; a checkpoint takes {1} MB":
    "토큰마다 {0} GFLOP, 모두 {2} PFLOP. 체크포인트는 {1} MB",
  "from the beginning, into {0}": "처음부터, {0}에",
  "going on from {0}": "{0}에서 이어서",
  "Wrote the report on {0}: {1}": "{0}의 보고서를 썼습니다: {1}",

  // fine-tuning
  "{0}: {1} parameters, {2} examples, {3} steps": "{0}: 매개변수 {1}개, 예 {2}개, {3}스텝",
  "{0}: {1} parameters, {2} examples, {3} steps; going on after step {4}":
    "{0}: 매개변수 {1}개, 예 {2}개, {3}스텝. 스텝 {4} 다음부터 이어서",
  "{0}, epoch {1}, loss {2}: {3}": "{0}, 에폭 {1}, 손실 {2}: {3}",
  "{0}, seed {1}": "{0}, 시드 {1}",
  "{0}, from random weights, seed {1}": "{0}, 무작위 가중치에서, 시드 {1}",
  "Stopped after {0} steps (run the same command again to go on: {1})":
    "{0}스텝 뒤 중단 (같은 명령을 다시 실행하면 이어집니다: {1})",
  "Learnt {0}, judged by {1}: {2}": "{0} 학습, 기준은 {1}: {2}",
  "Learnt {0}, scored on nothing as it has neither a development nor a test set here: {1}":
    "{0} 학습. 여기에 개발 집합도 평가 집합도 없어 채점하지 않았습니다: {1}",
  "  last, step {0}: {1}": "  마지막, 스텝 {0}: {1}",
  "  chosen on dev, step {0}: {1}": "  개발 집합으로 고름, 스텝 {0}: {1}",
  "  best on test (as most published scores), step {0}: {1}":
    "  평가 집합에서 가장 높음(공개된 점수 대부분처럼), 스텝 {0}: {1}",
  "  (not comparable: {0})": "  (견줄 수 없음: {0})",
  "  ({0})": "  ({0})",
  "the published test split has no labels: scored on the published dev split":
    "공개된 평가 집합에는 라벨이 없어, 공개된 개발 집합으로 채점했습니다",
  "the published test split is not public: scored on the published dev split":
    "평가 집합은 공개되지 않아, 공개된 개발 집합으로 채점했습니다",
  "words are the corpus's own morphemes, and a word is scored by its first token":
    "단어는 말뭉치의 형태소이고, 첫 토큰으로 채점합니다",
  "the two sentences are read apart, which is harder than what is published for KorSTS":
    "두 문장을 따로 읽으므로, KorSTS로 공개된 것보다 어렵습니다",
  "published as one file: split 80:10:10 by a fixed seed, no text in two splits":
    "파일 하나로 공개되어, 정해진 시드로 80:10:10으로 나누었고 두 집합에 든 글은 없습니다",
  "learnt from curse-detection as it is, scored on its test split rewritten by rules (시1발, ㅅㅂ)":
    "curse-detection으로 학습하고, 그 평가 집합을 규칙으로 고쳐 쓴 글(시1발, ㅅㅂ)로 채점했습니다",
  "Learning to tell {0} classes apart: {1}": "분류 {0}가지를 배웁니다: {1}",
  "A model of {0} parameters learns little at the rates of {1}: --preset small has those for small ones":
    "매개변수 {0}개인 모델은 {1}의 학습률로는 거의 배우지 못합니다. --preset small에 작은 모델의 값이 있습니다",
  "The vocabulary has no token {0}: {1} stands for it":
    "어휘에 {0}(이라/라)는 토큰이 없어 {1}(으로/로) 대신합니다",
  "learnt from {0} % of the {1} set, for want of the training set":
    "학습 집합이 없어 {1} 집합의 {0} %로 학습했습니다",
  "learnt from the first {0} examples only": "앞의 예 {0}개로만 학습했습니다",
  "{0}: {1} line left out: {2} (the first is line {3})": "{0}: {1}줄 건너뜀: {2} (처음은 {3}번째 줄)",
  "{0}: {1} lines left out: {2} (the first is line {3})": "{0}: {1}줄 건너뜀: {2} (처음은 {3}번째 줄)",
  "{0}: {1} line kept: {2} (the first is line {3})": "{0}: {1}줄 그대로 씀: {2} (처음은 {3}번째 줄)",
  "{0}: {1} lines kept: {2} (the first is line {3})": "{0}: {1}줄 그대로 씀: {2} (처음은 {3}번째 줄)",
  kept: "그대로 씁니다",
  "their text holds control characters": "글에 제어 문자가 있습니다",
  "their text begins or ends with a quote that has no other half":
    "글의 처음이나 끝에 짝이 없는 따옴표가 있습니다",
  "their word is empty": "단어가 비어 있습니다",
  "they hold a question without a text": "글이 없는 질문이 있습니다",
  "they hold a question with the id of another": "다른 질문과 id가 같은 질문이 있습니다",
  "they have an empty text": "글이 비어 있습니다",
  "their label is empty": "라벨이 비어 있습니다",
  "their label is none that is known": "모르는 라벨입니다",
  "their text is quoted as in a CSV file": "CSV처럼 따옴표로 싸인 글입니다",
  "they are no JSON object": "JSON 객체가 아닙니다",
  "they are not UTF-8": "UTF-8이 아닙니다",
  "they have other columns than the header's {0}": "열의 수가 첫 줄의 {0}개와 다릅니다",
  "they have no string {0}": "글자열 {0}(이/가) 없습니다",
  "they have no string {0} and {1}": "글자열 {0}(이나/나) {1}(이/가) 없습니다",
  "they have no | between text and label": "글과 라벨 사이에 |가 없습니다",
  "they have not four columns": "열이 네 개가 아닙니다",
  "they have not as many tags as words": "태그와 단어의 수가 다릅니다",
  "their tag is none that is known, and counts as O": "모르는 태그라서 O로 봅니다",
  "their tag I follows no entity, and counts as O": "앞에 개체가 없는 I 태그라서 O로 봅니다",
  "they hold a question whose answer does not stand in its text": "답이 글에 없는 질문이 있습니다",

  // models and plugins
  "Exported {0}: a {1} of {2} parameters in {3} ({4}) to {5}":
    "{0} 내보냄: 매개변수 {2}개의 {1}, {3}({4}), {5}에",
  "Exported {0}: a {1} of {2} parameters in {3} ({4}) to {5}; its model card names no licence, --license does":
    "{0} 내보냄: 매개변수 {2}개의 {1}, {3}({4}), {5}에. 모델 카드에 라이선스가 없습니다. --license로 적습니다",
  "Wrote {0} in {1}, {2} of weights: {3}": "{0}(을/를) {1}(으로/로) 씀, 가중치 {2}: {3}",
  "{0} and {1}": "{0}, {1}",
  "Installed the plugin for {0}: {1} ({2}) in {3}": "{0}용 플러그인 설치: {1} ({2}), {3}",
  "Found the plugin for {0}: {1}": "{0}용 플러그인이 이미 있습니다: {1}",
  "No plugins: kcbert-cli plugin install brings them":
    "플러그인이 없습니다: kcbert-cli plugin install로 받습니다",
  "{0}; what the cache has is used": "{0}. 캐시에 있는 것을 씁니다",
  "Found {0}: {1}": "{0}(은/는) 이미 있습니다: {1}",
};
