/** The languages of the page. */
export type Language = "ko" | "en";

const en = {
  skip: "Skip to the comment box",
  subtitle: "A Korean BERT that learns from comments",
  language: "Language",
  training: "Training",
  progress: "Progress of the training",
  lossCurve: "Loss",
  try: "Try it",
  model: "Model",
  comment: "Comment",
  placeholder: "Write a comment in Korean…",
  hint: "Write [MASK] where a word is to be guessed, or choose a word below.",
  examples: "Examples",
  cleaned: "Cleaned",
  chooseWord: "Choose the word to hide",
  ask: "Fill in the blank",
  asking: "Thinking…",
  answers: "The model’s answer",
  samples: "Guessing hidden words",
  footer: "Everything on this page is computed by this server, on this machine.",
  phaseWaiting: "Waiting",
  phaseRunning: "Training",
  phaseDone: "Done",
  phaseInterrupted: "Interrupted",
  phaseNone: "No training",
  storyWaiting:
    "The training has not begun. First the comments are cleaned and a tokenizer is trained; this page goes on by itself.",
  storyRunning:
    "The model reads comments with some of their words hidden, and learns to guess them. The lower the loss, the better it guesses.",
  storyAbove: "It does not yet guess better than word frequencies alone would (dashed line).",
  storyBelow:
    "On comments it has never seen, it already beats guessing by word frequency (dashed line) by {gap} nats.",
  storyDone:
    "The training is over. On comments it has never seen, the model beats guessing by word frequency by {gap} nats.",
  storyDoneAbove:
    "The training is over. On comments it has never seen, the model does not beat guessing by word frequency: {gap} nats too many.",
  storyDonePlain: "The training is over.",
  storyInterrupted: "The training was interrupted. Start it again and it goes on from its last checkpoint.",
  step: "Steps",
  speed: "Tokens/s",
  elapsed: "Elapsed",
  left: "Left",
  heldOut: "Held-out loss",
  accuracy: "Held-out accuracy",
  weights: "Weights",
  train: "Training",
  evaluation: "Held-out",
  unigram: "Word frequency alone",
  axisStep: "step",
  axisLoss: "nats per hidden token",
  chartEmpty: "The curve appears with the first step.",
  chartSpoken: "Step {step}: training loss {train}, held-out loss {heldOut}, word frequency alone {unigram}.",
  chartKeys: "Left and right arrow keys move along the curve.",
  atStep: "after {step} steps",
  samplesEmpty: "The first guesses appear when the training begins.",
  answererNone: "No model yet",
  answererCheckpoint: "Answers: checkpoint at step {step}",
  answererFinal: "Answers: the trained model",
  modelWaiting: "There is no model to ask yet. As soon as the first checkpoint is written, you can.",
  nothingDropped: "Nothing to drop.",
  dropped: "{count} characters dropped",
  emptyAfterCleaning: "Nothing is left of this comment after cleaning. Write something in Korean.",
  empty: "Write a comment first.",
  noMask: "Choose a word to hide, or write [MASK].",
  manyMasks: "There is more than one [MASK]: leave one.",
  serverGone: "The server does not answer. The page tries again by itself.",
  serverSlow: "Nothing new from the training for {time}.",
  hide: "Hide “{word}”",
  show: "Show “{word}” again",
  spoken: "Best guess: {word}, {share}. {rest}",
  minutes: "{minutes} min {seconds} s",
  seconds: "{seconds} s",
  hours: "{hours} h {minutes} min",
};

/** Every sentence of the page in one language; `{name}` stands for a value. */
export type Words = Record<keyof typeof en, string>;

const ko: Words = {
  skip: "댓글 입력으로 건너뛰기",
  subtitle: "댓글로 배우는 한국어 BERT",
  language: "언어",
  training: "학습",
  progress: "학습 진행률",
  lossCurve: "손실",
  try: "직접 해 보기",
  model: "모델",
  comment: "댓글",
  placeholder: "댓글을 써 보세요…",
  hint: "맞힐 자리에 [MASK]를 쓰거나, 아래에서 가릴 낱말을 고르세요.",
  examples: "예문",
  cleaned: "정제",
  chooseWord: "가릴 낱말 고르기",
  ask: "빈칸 채우기",
  asking: "생각하는 중…",
  answers: "모델의 답",
  samples: "가려진 낱말 맞히기",
  footer: "이 페이지의 모든 것은 이 컴퓨터의 서버가 계산합니다.",
  phaseWaiting: "대기 중",
  phaseRunning: "학습 중",
  phaseDone: "완료",
  phaseInterrupted: "중단됨",
  phaseNone: "학습 없음",
  storyWaiting:
    "아직 학습을 시작하지 않았습니다. 먼저 댓글을 정제하고 토크나이저를 만듭니다. 학습이 시작되면 이 페이지가 알아서 이어집니다.",
  storyRunning:
    "댓글에서 낱말 몇 개를 가리고, 그 자리에 올 말을 맞히며 배웁니다. 손실이 낮을수록 더 잘 맞힙니다.",
  storyAbove: "아직은 낱말 빈도만으로 찍는 것(점선)보다 낫지 않습니다.",
  storyBelow: "처음 보는 댓글에서도 낱말 빈도만으로 찍는 것(점선)보다 {gap} nat 낮습니다.",
  storyDone: "학습을 마쳤습니다. 처음 보는 댓글에서 낱말 빈도만으로 찍는 것보다 손실이 {gap} nat 낮습니다.",
  storyDoneAbove:
    "학습을 마쳤습니다. 처음 보는 댓글에서 낱말 빈도만으로 찍는 것보다 손실이 {gap} nat 높습니다.",
  storyDonePlain: "학습을 마쳤습니다.",
  storyInterrupted: "학습이 중단되었습니다. 다시 시작하면 마지막 체크포인트에서 이어집니다.",
  step: "스텝",
  speed: "초당 토큰",
  elapsed: "지난 시간",
  left: "남은 시간",
  heldOut: "검증 손실",
  accuracy: "검증 정확도",
  weights: "가중치",
  train: "학습",
  evaluation: "검증",
  unigram: "낱말 빈도만",
  axisStep: "스텝",
  axisLoss: "가린 토큰당 nat",
  chartEmpty: "첫 스텝부터 곡선이 그려집니다.",
  chartSpoken: "{step}스텝: 학습 손실 {train}, 검증 손실 {heldOut}, 낱말 빈도만 {unigram}.",
  chartKeys: "왼쪽과 오른쪽 화살표로 곡선을 따라갑니다.",
  atStep: "{step}스텝 뒤",
  samplesEmpty: "학습이 시작되면 첫 답이 나타납니다.",
  answererNone: "아직 모델 없음",
  answererCheckpoint: "답하는 모델: {step}스텝 체크포인트",
  answererFinal: "답하는 모델: 학습을 마친 모델",
  modelWaiting: "아직 물어볼 모델이 없습니다. 첫 체크포인트가 저장되면 바로 물어볼 수 있습니다.",
  nothingDropped: "빠진 글자가 없습니다.",
  dropped: "{count}자를 뺐습니다",
  emptyAfterCleaning: "정제하고 나니 남은 글자가 없습니다. 한국어로 써 보세요.",
  empty: "먼저 댓글을 쓰세요.",
  noMask: "가릴 낱말을 고르거나 [MASK]를 쓰세요.",
  manyMasks: "[MASK]가 여러 개입니다. 하나만 남기세요.",
  serverGone: "서버가 응답하지 않습니다. 페이지가 알아서 다시 연결합니다.",
  serverSlow: "{time} 동안 학습 소식이 없습니다.",
  hide: "‘{word}’ 가리기",
  show: "‘{word}’ 다시 보이기",
  spoken: "첫째 답: {word}, {share}. {rest}",
  minutes: "{minutes}분 {seconds}초",
  seconds: "{seconds}초",
  hours: "{hours}시간 {minutes}분",
};

/** The page's words by language. */
export const words: Record<Language, Words> = { ko, en };

/** `sentence` with `{name}` replaced by `values.name`. */
export function fill(sentence: string, values: Record<string, string>): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "–");
}

/** A length of time as a person says it. */
export function duration(milliseconds: number, words: Words): string {
  const total = Math.max(0, Math.round(milliseconds / 1_000));
  const hours = Math.floor(total / 3_600);
  const minutes = Math.floor((total % 3_600) / 60);
  const seconds = total % 60;
  const values = { hours: String(hours), minutes: String(minutes), seconds: String(seconds) };
  if (hours > 0) return fill(words.hours, values);
  return fill(minutes > 0 ? words.minutes : words.seconds, values);
}
