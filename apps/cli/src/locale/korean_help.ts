/** The texts of `--help` in Korean: commands, flags, examples. Keys are the English texts as they are. */
export const koreanHelp: Readonly<Record<string, string>> = {
  USAGE: "사용법",
  COMMANDS: "명령",
  ARGUMENTS: "인자",
  OPTIONS: "옵션",
  EXAMPLE: "예",
  EXAMPLES: "예",
  "EXIT STATUS": "종료 상태",
  "0 success, 1 failure, 2 a command line that makes no sense, 130 after Ctrl-C":
    "0 성공, 1 실패, 2 잘못된 명령줄, 130 Ctrl-C로 중단",
  "{0}: KcBERT, a BERT for Korean comments, on the command line":
    "{0}: 한국어 댓글을 위한 BERT, KcBERT의 명령줄 도구",
  "kcbert-cli <command> [options]": "kcbert-cli <명령> [옵션]",
  "kcbert-cli <command> --help says more about a command.":
    "kcbert-cli <명령> --help에 명령마다 자세한 설명이 있습니다.",
  "{0} (default: {1})": "{0} (기본값: {1})",
  "(Default: ": "(기본값: ",
  "(Required)": "(필수)",

  // every command
  "Take flags from a JSON file; those of the command line come before it":
    "JSON 파일에서 옵션을 가져옵니다. 명령줄의 옵션이 앞섭니다",
  "Check the flags, print them as JSON for --config, and do nothing":
    "옵션을 확인하고 --config에 쓸 JSON으로 출력할 뿐, 아무것도 하지 않습니다",
  "Print results and reports as JSON, one object a line": "결과와 보고를 한 줄에 하나씩 JSON으로 출력합니다",
  "Print no progress and no report": "진행 상황과 보고를 출력하지 않습니다",
  "Say what would be done, and do nothing": "무엇을 할지 말하고, 아무것도 하지 않습니다",

  // clean
  "Clean comments as KcBERT's own corpus was cleaned": "KcBERT 코퍼스처럼 댓글을 정제합니다",
  "Clean comments, line by line, as KcBERT's corpus was cleaned":
    "KcBERT 코퍼스처럼 댓글을 한 줄씩 정제합니다",
  "Files or patterns of UTF-8 lines, plain or gzip; standard input if there is none":
    "UTF-8 줄로 된 파일이나 패턴(gzip 가능). 없으면 표준 입력",
  "Where to write, compressed if it ends in .gz; standard output by default":
    "쓸 파일. .gz로 끝나면 압축합니다. 기본은 표준 출력",
  "Which clean: 2021, 2020 (wide Hangul), 2022 (no emoji) or latest (newer emoji)":
    "어느 clean인지: 2021, 2020(넓은 한글), 2022(이모지 없음), latest(새 이모지)",
  "The shortest run that is collapsed: 4 by default, or 3": "줄이는 반복의 최소 길이: 기본 4, 또는 3",
  "Take the text from this tab-separated column, from 1": "탭으로 나뉜 이 열에서 글을 꺼냅니다(1부터)",
  "Take the text from this key of one JSON object a line":
    "한 줄에 하나인 JSON 객체의 이 키에서 글을 꺼냅니다",
  "Pass over the first line of each file, which names its columns":
    "열 이름이 적힌 각 파일의 첫 줄을 건너뜁니다",
  "With --column or --jsonl, write the whole row, its text cleaned":
    "--column이나 --jsonl에서 글만 정제한 줄 전체를 씁니다",
  "Drop cleaned texts of fewer characters (code points)":
    "정제한 글이 이 글자 수(코드 포인트)보다 짧으면 버립니다",
  "Drop short texts by KcBERT's own rule, as either reading has it: at-least-10 or at-least-11":
    "KcBERT의 규칙대로 짧은 글을 버립니다. 두 가지 해석: at-least-10, at-least-11",
  "Drop cleaned texts that came before": "앞에 나온 글은 버립니다",
  "Drop the texts of these files, such as a test set; a table needs a column: FILE:2":
    "평가 집합 같은 이 파일들의 글을 뺍니다. 표라면 열도 적습니다: FILE:2",
  "One line from standard input": "표준 입력의 한 줄",
  "A corpus to pre-train on": "사전학습할 코퍼스",
  "A corpus without the texts of a test set": "평가 집합의 글을 뺀 코퍼스",
  "One column of a table": "표의 한 열",

  // datasets
  "List and download the public data sets: corpora, NSMC, KorNLI, KorQuAD and others":
    "공개 데이터셋을 보고 내려받습니다: 코퍼스, NSMC, KorNLI, KorQuAD 등",
  "List and download the public data sets, with licence and checksum":
    "공개 데이터셋을 라이선스와 체크섬과 함께 보고 내려받습니다",
  "list (what there is), or download and the names of what is wanted":
    "list(무엇이 있는지), 또는 download와 받을 것의 이름",
  "Where the folders of the datasets go; finetune --data takes it":
    "데이터셋 폴더를 둘 곳. finetune --data에 그대로 씁니다",
  "Ask this address instead: <url>/<host>/<path>; KCBERT_DATASETS_MIRROR says so, too":
    "대신 이 주소에 요청합니다: <url>/<host>/<path>. KCBERT_DATASETS_MIRROR로도 됩니다",
  "Say what would be downloaded, and do nothing": "무엇을 내려받을지 말하고, 아무것도 하지 않습니다",
  "What there is": "무엇이 있는지",
  "Into data/nsmc and data/korsts": "data/nsmc와 data/korsts에",
  "KcBERT's own corpus; after Ctrl-C it goes on": "KcBERT의 코퍼스. Ctrl-C 뒤에도 이어 받습니다",
  "To train on what was downloaded": "내려받은 것으로 학습하기",

  // corpus
  "Prepare a corpus to pre-train on: clean, de-duplicate, sample, shuffle, tokenise":
    "사전학습 코퍼스를 준비합니다: 정제, 중복 제거, 표본 추출, 섞기, 토큰화",
  "Prepare a corpus: clean, de-duplicate, sample, shuffle, tokenise, write shards":
    "코퍼스를 준비합니다: 정제, 중복 제거, 표본 추출, 섞기, 토큰화, 샤드 쓰기",
  "Files or patterns: text, .tsv, .jsonl, .parquet, plain, .gz or .zst; - is standard input":
    "파일이나 패턴: 글, .tsv, .jsonl, .parquet(.gz, .zst 가능). -는 표준 입력",
  "The corpus' folder": "코퍼스 폴더",
  "The tokenizer's folder or file; without it, the shards are text":
    "토크나이저 폴더나 파일. 없으면 샤드는 글입니다",
  "How lines are laid out: lines, tsv, jsonl or parquet; auto goes by the names of files":
    "줄의 형식: lines, tsv, jsonl, parquet. auto는 파일 이름으로 정합니다",
  "Where the text stands: a table's column by number or name, or a key (text by default)":
    "글이 있는 곳: 표의 열 번호나 이름, 또는 키(기본은 text)",
  "Where the date stands, for a sample by day": "날짜가 있는 곳. 날짜별 표본에 씁니다",
  "The first line of each table names its columns": "각 표의 첫 줄은 열 이름입니다",
  "Leave out the texts of these files, such as test sets; behind a colon the text's column":
    "평가 집합 같은 이 파일들의 글을 뺍니다. 콜론 뒤에 글의 열을 적습니다",
  "Which clean: 2021, 2020, 2022, latest, or none": "어느 clean인지: 2021, 2020, 2022, latest, none",
  "Drop cleaned texts of more characters": "정제한 글이 이 글자 수보다 길면 버립니다",
  "Take this share of each day's texts: 0.1 is KcBERT's tenth":
    "날마다 글의 이만큼만 뽑습니다. 0.1이면 KcBERT의 10분의 1",
  "What sample and order are drawn from": "표본과 순서를 정하는 씨앗 수",
  "Cut sequences to so many tokens, [CLS] and [SEP] included": "[CLS]와 [SEP]을 넣어 이 토큰 수로 자릅니다",
  "Number of shards; by default one for about 64 MB of text": "샤드 수. 기본은 글 64 MB마다 하나",
  "Refuse a line that gives no text, instead of counting it": "글이 없는 줄을 세지 않고 거부합니다",
  "Threads; by default all of the machine": "스레드 수. 기본은 전부",
  "Memory for de-duplicating and sorting; what needs more goes to the disk":
    "중복 제거와 정렬에 쓸 메모리. 넘치면 디스크를 씁니다",
  "Text to clean between two moments from which a killed run goes on":
    "죽어도 이어 갈 수 있는 지점 사이의 글 크기",
  "Replace the corpus that is in the folder, finished or not":
    "폴더에 있는 코퍼스를 다 되었든 아니든 바꿉니다",
  "Comments, one a line, as shards of token ids": "한 줄에 하나인 댓글을 토큰 id 샤드로",
  "A tenth of each day's texts, as text: what KcBERT's vocabulary was trained on":
    "날마다 10분의 1을 글로: KcBERT의 어휘를 학습한 방법",
  "Without the texts of a test set": "평가 집합의 글을 빼고",
  "The same corpus again, by its recipe": "레시피로 똑같은 코퍼스를 다시",

  // train-tokenizer, tokenize
  "Train a WordPiece vocabulary on lines of text": "글에서 WordPiece 어휘를 학습합니다",
  "Train a WordPiece vocabulary on lines of text, as Hugging Face tokenizers does":
    "Hugging Face tokenizers처럼 글에서 WordPiece 어휘를 학습합니다",
  "The folder to write": "쓸 폴더",
  "How many tokens, special ones included": "특수 토큰을 포함한 토큰 수",
  "How often a pair must occur to be merged": "합치려면 쌍이 몇 번 나와야 하는지",
  "How many single characters to keep": "낱글자를 몇 개 둘지",
  "The longest input of the model to come, in tokens": "만들 모델의 최대 입력 길이(토큰)",
  "Clean each text first: 2021, 2020, 2022 or latest": "먼저 글을 정제합니다: 2021, 2020, 2022, latest",
  "Replace a tokenizer that is in the folder already": "폴더에 이미 있는 토크나이저를 바꿉니다",
  "A vocabulary of 30,000 tokens from a cleaned corpus": "정제한 코퍼스에서 토큰 30,000개",
  "From a column of a table, cleaning on the way": "표의 한 열에서, 정제하면서",
  "Turn text into tokens or ids": "글을 토큰이나 id로 바꿉니다",
  "Turn text into tokens or ids, a line for a line": "글을 한 줄씩 토큰이나 id로 바꿉니다",
  "Texts; lines of standard input if there is none": "글. 없으면 표준 입력의 줄",
  "A model folder, the name of a downloaded model, a tokenizer.json or a vocab.txt":
    "모델 폴더, 내려받은 모델의 이름, tokenizer.json이나 vocab.txt",
  "Print ids instead of tokens": "토큰 대신 id를 출력합니다",
  "Leave out [CLS] and [SEP]": "[CLS]와 [SEP]을 붙이지 않습니다",
  "Write no event files for TensorBoard": "TensorBoard용 이벤트 파일을 쓰지 않습니다",
  "Add [CLS] and [SEP]": "[CLS]와 [SEP]을 붙입니다",
  "Cut after this many tokens, special ones included": "특수 토큰을 넣어 이 수만큼에서 자릅니다",
  "What the offsets of --json count: utf16, codepoint or byte": "--json의 위치 단위: utf16, codepoint, byte",
  "Where to write; standard output by default": "쓸 파일. 기본은 표준 출력",
  "The tokens of a text": "글의 토큰",
  "The ids of every line of a file": "파일의 모든 줄의 id",
  "Tokens, ids and where each stands in the text": "토큰과 id, 그리고 글 속의 위치",

  // pretrain
  "Train a BERT on lines of text, from nothing": "글로 BERT를 처음부터 학습합니다",
  "Train a BERT to guess masked words, from nothing but a corpus":
    "코퍼스만으로 BERT가 가려진 말을 맞히도록 학습합니다",
  "A file, or a pattern of files, of UTF-8 lines, plain or gzip; or a folder of shards from `corpus`":
    "UTF-8 줄로 된 파일이나 패턴(gzip 가능), 또는 `corpus`가 만든 샤드 폴더",
  "The tokenizer's folder or file": "토크나이저 폴더나 파일",
  "The run's folder": "학습 결과 폴더",
  "Where the flags begin: kcbert-base, kcbert-large, small, mini, modern":
    "옵션의 출발점: kcbert-base, kcbert-large, small, mini, modern",
  'A JSON file of flags, such as {"layers": 4}; those of the command line win':
    '{"layers": 4} 같은 옵션의 JSON 파일. 명령줄의 옵션이 앞섭니다',
  "End after so many steps": "이만큼 스텝을 밟고 끝냅니다",
  "End after so much time": "이만큼 시간이 지나면 끝냅니다",
  "Layers of the encoder": "인코더의 층 수",
  "Width of the hidden states": "은닉 상태의 크기",
  "Attention heads of each layer": "층마다 어텐션 헤드 수",
  "Width of the feed-forward layers": "피드포워드 층의 크기",
  "four times --hidden": "--hidden의 네 배",
  "Tokens in a row; longer comments are cut, shorter ones share a row":
    "한 행의 토큰 수. 긴 댓글은 자르고 짧은 댓글은 한 행에 모읍니다",
  "Positions of the model": "모델의 위치 수",
  "Do not pack: each comment alone, in the shortest of these rows, such as 16,32,64":
    "모으지 않고 댓글마다 16,32,64 같은 길이 가운데 가장 짧은 행에 넣습니다",
  "Rows in a batch": "배치의 행 수",
  "Batches in a step": "스텝의 배치 수",
  "The peak learning rate": "최고 학습률",
  "How the learning rate falls: linear, bert, cosine, trapezoid or constant":
    "학습률이 줄어드는 방식: linear, bert, cosine, trapezoid, constant",
  "Part of the run that warms up": "학습률을 올리는 구간의 비율",
  "Part of the run in which a trapezoid falls": "trapezoid에서 학습률이 내려가는 구간의 비율",
  "Part of the peak that the learning rate falls to": "학습률이 최고값의 얼마까지 내려가는지",
  "adamw, bert-adam or lamb": "adamw, bert-adam, lamb",
  "Decay of the first moment": "1차 모멘트의 감쇠",
  "Decay of the second moment": "2차 모멘트의 감쇠",
  "What keeps the optimizer's quotient finite": "나눗셈이 발산하지 않게 더하는 수",
  "1e-8, or 1e-6 but for adamw": "1e-8, adamw가 아니면 1e-6",
  "Decoupled weight decay": "분리된 가중치 감쇠",
  "Gradients are clipped to this global norm": "기울기의 전체 노름을 이 값으로 자릅니다",
  "Part of the tokens to predict": "맞힐 토큰의 비율",
  "dynamic: every epoch has masks of its own; static: as in Google's create_pretraining_data":
    "dynamic: 에폭마다 새로 가림. static: 구글의 create_pretraining_data처럼",
  "With static masking: how many masks a comment has": "static일 때 댓글마다 가림을 몇 벌 만들지",
  "The most predictions for a row, on average over a batch": "배치 평균으로 한 행에서 맞힐 최대 토큰 수",
  all: "전부",
  "Mask words as a whole or not at all": "낱말을 통째로 가리거나 가리지 않습니다",
  "Part of the hidden values dropped out": "은닉 값의 드롭아웃 비율",
  "Part of the attention weights dropped out": "어텐션 가중치의 드롭아웃 비율",
  "Deviation of the first weights": "처음 가중치의 표준편차",
  "Seed of weights, order and masks": "가중치, 순서, 가림의 씨앗 수",
  "Lines to test on, never learnt from": "학습에 쓰지 않고 시험할 줄 수",
  "Lines with [MASK] to fill in as the model learns": "학습하면서 채워 볼 [MASK]가 든 줄",
  "How often to test in the run": "학습하는 동안 몇 번 시험할지",
  "How often to keep a checkpoint in the run": "학습하는 동안 체크포인트를 몇 번 남길지",
  "How many of the latest checkpoints stay": "최근 체크포인트를 몇 개 둘지",
  "Steps for each line of metrics.jsonl": "metrics.jsonl 한 줄에 해당하는 스텝 수",
  "so many that there are 10,000 lines": "10,000줄이 되도록",
  "What the device can at best, in TFLOP/s: shows the part of it that is used (MFU)":
    "장치의 최대 성능(TFLOP/s). 그 가운데 쓰인 비율(MFU)을 보여 줍니다",
  "Write event files for TensorBoard": "TensorBoard용 이벤트 파일을 씁니다",
  "Go on with a run that is in the folder: auto, or never": "폴더에 있는 학습을 이어 갈지: auto, never",
  "How the corpus was cleaned (2021, 2020 or 2022): kept in config.json, so that users' text is cleaned alike":
    "코퍼스를 정제한 방법(2021, 2020, 2022). config.json에 남아 쓸 때도 똑같이 정제합니다",
  "What computes: {0}": "무엇으로 계산할지: {0}",
  "With xla: {0}": "xla에서: {0}",
  "Tell what would be trained, and train nothing": "무엇을 학습할지 말하고, 학습하지 않습니다",
  "A small BERT in three minutes; run again after Ctrl-C, it goes on":
    "3분 만에 작은 BERT. Ctrl-C 뒤에 다시 실행하면 이어 갑니다",
  "A larger one": "더 큰 것",
  "What a recipe would train, and what it would take": "레시피가 무엇을 학습하고 얼마나 드는지",

  // finetune, finetune-all, evaluate, predict, table
  "Teach a pretrained BERT a task, and score it": "사전학습한 BERT에 과제를 가르치고 점수를 냅니다",
  "Teach a model many tasks with several seeds each, in one process":
    "모델에 여러 과제를 씨앗 여러 개로 한 번에 가르칩니다",
  "Score a fine-tuned model on a task's data": "미세조정한 모델의 점수를 과제 데이터로 냅니다",
  "Say what a fine-tuned model says of texts": "미세조정한 모델이 글을 어떻게 보는지 말합니다",
  "Say what a fine-tuned model says of texts, a JSON object a line":
    "미세조정한 모델이 글을 어떻게 보는지 한 줄에 JSON 하나로 말합니다",
  "Put the scores of runs beside those that others published": "학습한 점수를 공개된 점수 옆에 놓습니다",
  "What to learn: {0}": "무엇을 배울지: {0}",
  "The pretrained model: a folder, or the name of a downloaded model":
    "사전학습한 모델: 폴더, 또는 내려받은 모델의 이름",
  "A folder with the published files (.gz or not), or with a folder of them for each task":
    "공개된 파일(.gz 가능)이 있는 폴더, 또는 과제마다 그런 폴더가 있는 폴더",
  "Without a training set, learn from this part of the development or test set":
    "학습 집합이 없으면 개발 집합이나 평가 집합의 이만큼으로 배웁니다",
  "Without a development set, set this part of the training set aside to choose the model by":
    "개발 집합이 없으면 모델을 고르도록 학습 집합의 이만큼을 떼어 둡니다",
  "Refuse files with lines that are not as the format has them":
    "형식에 맞지 않는 줄이 있는 파일을 거부합니다",
  "The training set, in place of the published file": "공개된 파일 대신 쓸 학습 집합",
  "The development set": "개발 집합",
  "The test set": "평가 집합",
  "Whose hyper-parameters: kcbert-base, kcbert-large, or small for models of some million parameters":
    "누구의 하이퍼파라미터인지: kcbert-base, kcbert-large, 매개변수 수백만 개인 모델은 small",
  "Times to go through the training set": "학습 집합을 몇 번 볼지",
  "Teach the head and so many of the uppermost layers only; what lies below stays as it is (default: all, and the embeddings)":
    "헤드와 위에서부터 이만큼의 층만 학습; 그 아래는 그대로 둠 (기본값: 전체와 임베딩)",
  "Factor by which each layer learns slower than the one above": "층마다 위층보다 느리게 배우는 비율",
  "Tokens of a row; longer ones are cut": "한 행의 토큰 수. 더 길면 자릅니다",
  "Steps from one scoring to the next": "점수를 내는 간격(스텝)",
  "Let rare classes count for more, so that all weigh alike":
    "드문 갈래를 더 크게 쳐서 모두 같은 무게가 되게 합니다",
  "Begin from random weights of the model's dimensions": "같은 크기의 무작위 가중치에서 시작합니다",
  "Begin with a new head, even where the model has one for such a task":
    "모델에 이런 과제의 헤드가 있어도 새 헤드로 시작합니다",
  "End after so many scorings without a better one": "이만큼 점수가 나아지지 않으면 끝냅니다",
  "Tokens that rows are filled up to, more where rows are longer; each costs a compilation on xla":
    "행을 채울 토큰 수. 길면 더. xla에서는 하나마다 컴파일이 듭니다",
  "Rows in a batch when scoring": "점수를 낼 때 배치의 행 수",
  "Learn from the first so many only, for a try": "시험 삼아 처음 이만큼만 배웁니다",
  "Seed of the head, order and dropout": "헤드, 순서, 드롭아웃의 씨앗 수",
  "Which model is written: devSelected (where there is a development set) or last":
    "어느 모델을 쓸지: devSelected(개발 집합이 있으면), last",
  "Go on learning to fill masks, from these cleaned lines or shards: the folder then does both, in one set of weights":
    "정제된 줄이나 샤드로 빈칸 채우기도 계속 배웁니다. 한 벌의 가중치로 둘 다 합니다",
  "How much filling masks counts beside the task": "과제에 견준 빈칸 채우기의 무게",
  "Packed rows to fill masks in, in each step": "스텝마다 빈칸을 채울 모은 행 수",
  "For custom: the text's column, or key in JSON lines": "custom: 글의 열, 또는 JSON의 키",
  "For custom: that of a pair's second text": "custom: 짝의 둘째 글의 열",
  "For custom: that of the label; those of several labels, separated by commas":
    "custom: 레이블의 열. 여럿이면 쉼표로 나눕니다",
  "For custom: what a label is, one of classes, a number, or any of several labels":
    "custom: 레이블의 종류. 갈래 하나, 수, 또는 여러 레이블",
  "KcBERT's protocol on the movie reviews; the folder is a model, and results.json says how good it is":
    "영화평에 KcBERT의 방법 그대로. 폴더는 모델이고 results.json에 점수가 있습니다",
  "A small model, with hyper-parameters for small ones; run again after Ctrl-C, it goes on":
    "작은 모델을 작은 모델에 맞는 하이퍼파라미터로. Ctrl-C 뒤에 다시 실행하면 이어집니다",
  "Minutes from one checkpoint to the next: a run that was stopped goes on at its last one":
    "체크포인트 사이의 분. 중단된 실행은 마지막 체크포인트에서 이어집니다",
  "A task of one's own": "자기 과제",
  "What to learn, one after the other": "무엇을 차례로 배울지",
  "A run of each task for each": "하나마다 과제를 한 번씩",
  "The folder of all runs": "모든 학습의 폴더",
  'Hyper-parameters by task, in JSON: {"nsmc": {"epochs": 3}}; flags of a task count more':
    '과제별 하이퍼파라미터 JSON: {"nsmc": {"epochs": 3}}. 옵션이 앞섭니다',
  "Run everything from random weights too, with the same settings":
    "같은 설정으로 무작위 가중치에서도 모두 해 봅니다",
  "Write the models too, not only their scores": "점수만이 아니라 모델도 씁니다",
  "Six tasks, three seeds each; run again after Ctrl-C, it goes on where it was":
    "과제 여섯 개를 시드 세 개씩. Ctrl-C 뒤에 다시 실행하면 하던 곳에서 이어집니다",
  "The same from random weights, in batches of one width, which a compiling backend compiles once":
    "무작위 가중치에서 똑같이, 컴파일이 한 번이면 되도록 너비가 같은 배치로",
  "What the model was taught": "모델이 배운 과제",
  "The fine-tuned model: a folder, or the name of a downloaded model":
    "미세조정한 모델: 폴더, 또는 내려받은 모델의 이름",
  "What to score on: test or dev": "무엇으로 점수를 낼지: test, dev",
  "A file of the task's format, in place of the published one": "공개된 파일 대신 쓸 같은 형식의 파일",
  "Accuracy on the published test set": "공개된 평가 집합의 정확도",
  "On a file of one's own, as JSON": "자기 파일로, JSON으로",
  "Files, patterns, or - for standard input: a text a line":
    "파일이나 패턴, 또는 표준 입력 -: 한 줄에 글 하나",
  "The column, or with --jsonl the key, of a pair's second text, or of the text that answers":
    "짝의 둘째 글이나 답이 든 글의 열(--jsonl이면 키)",
  "Lines that are worked on together": "한꺼번에 다루는 줄 수",
  "One text from standard input": "표준 입력의 글 하나",
  "Pairs from two columns of a table": "표의 두 열에서 짝",
  "The texts of JSON objects": "JSON 객체의 글",
  "Folders of runs, however deep, or their results.json": "학습한 폴더(깊이 상관없이), 또는 results.json",
  "Every run below a folder: mean and spread over seeds, by how the model was chosen":
    "폴더 아래 모든 학습: 씨앗에 대한 평균과 편차, 모델을 고른 방법별로",
  "Three runs, as a Markdown file": "학습 세 번을 마크다운 파일로",

  // report, fill-mask
  "Show a training run as one HTML page": "학습을 HTML 한 장으로 보여 줍니다",
  "Show a training run as one HTML page: curves, scores, samples, checkpoints":
    "학습을 HTML 한 장으로 보여 줍니다: 곡선, 점수, 예, 체크포인트",
  "The folder of a training run": "학습 폴더",
  "The page to write, - for standard output (default: report.html in the folder)":
    "쓸 파일, -는 표준 출력 (기본값: 폴더의 report.html)",
  "Write model/report.html, of a run that is over or still goes on":
    "끝났거나 아직 도는 학습의 model/report.html을 씁니다",
  "Guess the word behind [MASK]": "[MASK]에 가려진 말을 맞힙니다",
  "Guess the words behind [MASK]": "[MASK]에 가려진 말을 맞힙니다",
  "Texts with [MASK] in them; lines of standard input if there is none":
    "[MASK]가 든 글. 없으면 표준 입력의 줄",
  "A model folder, or the name of a downloaded model": "모델 폴더, 또는 내려받은 모델의 이름",
  "How many candidates a mask gets": "가려진 곳마다 후보 수",
  "The only candidates, separated by commas": "쉼표로 나눈, 이 후보들만",
  "The five best words, as a table": "가장 그럴듯한 말 다섯, 표로",
  "A result for every line": "줄마다 결과 하나",
  "Compare some words": "몇 낱말 견주기",

  // download, export
  "Bring a model from the Hugging Face hub into the cache": "Hugging Face 허브의 모델을 캐시로 가져옵니다",
  "A model's name on the hub, such as beomi/kcbert-base": "beomi/kcbert-base 같은 허브의 모델 이름",
  "A branch, a tag or a commit; main by default": "브랜치, 태그, 커밋. 기본은 main",
  "The files wanted, separated by commas; what a model folder needs by default":
    "쉼표로 나눈, 가져올 파일. 기본은 모델 폴더에 필요한 것",
  "The cache; by default the one that Python uses too (HF_HUB_CACHE, HF_HOME)":
    "캐시. 기본은 파이썬도 쓰는 곳(HF_HUB_CACHE, HF_HOME)",
  "Put the files into this folder instead of the cache": "캐시 대신 이 폴더에 파일을 둡니다",
  "Into the cache, where Python finds it too": "파이썬도 찾는 캐시에",
  "What is in the cache is a model by its name": "캐시에 있으면 이름이 곧 모델",
  "A revision, into a folder of its own": "특정 리비전을 따로 폴더에",
  "Some files only": "몇 파일만",
  "Write a model as a folder for Hugging Face, with a model card":
    "모델을 모델 카드와 함께 Hugging Face 폴더로 씁니다",
  "Where to write": "쓸 곳",
  "What weights are rounded to: F32, F16 or BF16; what they are by default":
    "가중치의 자료형: F32, F16, BF16. 기본은 그대로",
  "The model's name; the folder's by default": "모델 이름. 기본은 폴더 이름",
  "The model's language": "모델의 언어",
  "The model's licence, such as apache-2.0": "apache-2.0 같은 모델의 라이선스",
  "The model that it was made from": "바탕이 된 모델",
  "What it was trained on, separated by commas": "쉼표로 나눈, 학습한 데이터",
  "What it was measured by, separated by commas": "쉼표로 나눈, 평가 지표",
  "Replace files of the same names in a folder that has others":
    "다른 파일이 있는 폴더에서 같은 이름의 파일을 바꿉니다",
  "A trained model, ready to be put on the hub": "허브에 올릴 준비가 된, 학습한 모델",
  "A folder with an old pytorch_model.bin becomes one with safetensors and a tokenizer.json":
    "옛 pytorch_model.bin 폴더를 safetensors와 tokenizer.json이 있는 폴더로",
  "Half the size": "절반 크기로",

  // calibrate
  "Make a classifier's probabilities true, and find below which it is unsure":
    "분류기의 확률을 사실에 맞추고, 얼마 아래에서 불확실한지 찾습니다",
  "What to calibrate by, in place of the published development set": "공개된 개발 집합 대신 맞출 기준",
  "What to say the result of, too": "결과를 함께 말할 집합",
  "Calibrate by the part of the training set that finetune --dev-part set aside":
    "finetune --dev-part가 떼어 둔 학습 집합의 부분으로 맞춤",
  "How many of the answers that count as sure must be right": "확실하다고 치는 답 가운데 맞아야 하는 비율",
  "By the part of the training set that finetune --dev-part 0.05 did not learn from":
    "finetune --dev-part 0.05가 배우지 않은 학습 집합의 부분으로",
  "A model of a task of one's own, sure where 99 of 100 answers are right":
    "자기 과제의 모델, 답 100개 중 99개가 맞을 때 확실",

  // quantize
  "Make a smaller copy of a model: weights in 8 or 4 bits":
    "모델의 작은 사본을 만듭니다: 8비트나 4비트 가중치",
  "Make a smaller copy of a model, for inference: weights in 8 or 4 bits":
    "추론을 위한 모델의 작은 사본을 만듭니다: 8비트나 4비트 가중치",
  "What the dense layers become: int8, or int4, which is half as large and less exact":
    "층의 가중치가 될 것: int8, 또는 절반 크기에 덜 정확한 int4",
  "With int4, how many weights share a scale: 32 or 64": "int4에서 배율 하나를 나누는 가중치 수: 32 또는 64",
  "Replace files of the same names in a folder that has files":
    "파일이 있는 폴더에서 같은 이름의 파일을 바꿉니다",
  "Write only what differs from this quantised model, which it was fine-tuned from, quantised as that is":
    "미세조정의 바탕이 된 이 양자화 모델과 다른 것만 씀. 그 모델처럼 양자화함",
  "What the result calls the base, such as its package (default: as --base has it)":
    "결과가 바탕을 부르는 이름, 예를 들어 패키지 이름 (기본값: --base 그대로)",
  "Only the layers that finetune --train-layers taught; the rest is read from the base":
    "finetune --train-layers가 가르친 층만. 나머지는 바탕에서 읽음",
  "A quarter of the size, and faster": "4분의 1 크기로, 더 빠르게",
  "An eighth of the size of its layers": "층의 크기를 8분의 1로",

  // plugin, doctor, completions
  "A quantised model as floats, which transformers opens and finetune goes on from":
    "양자화된 모델을 부동소수점으로. transformers로 열고 finetune으로 이어서 학습할 수 있습니다",
  "bash, zsh or fish": "bash, zsh, fish 가운데 하나",
  "Install and list the XLA plugins that drive accelerators":
    "가속기를 움직이는 XLA 플러그인을 설치하고 보여 줍니다",
  "install or list": "install 또는 list",
  "What to install: cpu, cuda or tpu": "무엇을 설치할지: cpu, cuda, tpu",
  "The version of the Python package; the one that was tried by default":
    "파이썬 패키지의 버전. 기본은 시험해 본 것",
  "A wheel that is there already, instead of asking the package index":
    "패키지 색인에 묻는 대신 이미 있는 휠을 씁니다",
  "XLA for this machine's processor": "이 컴퓨터의 프로세서를 위한 XLA",
  "XLA for NVIDIA GPUs; NVIDIA's own libraries come from elsewhere":
    "NVIDIA GPU를 위한 XLA. NVIDIA의 라이브러리는 따로 있어야 합니다",
  "From a wheel, without a network": "네트워크 없이 휠에서",
  "The plugins on this machine, Python's packages included":
    "파이썬 패키지를 포함해 이 컴퓨터에 있는 플러그인",
  "Say which accelerators work here, and what to do about the rest":
    "여기서 어떤 가속기가 되는지, 안 되는 것은 어떻게 할지 말합니다",
  "Say which accelerators this machine has, and what to do about those that do not work":
    "이 컴퓨터에 어떤 가속기가 있는지, 안 되는 것은 어떻게 할지 말합니다",
  "What there is, and what to do about the rest": "무엇이 있고, 나머지는 어떻게 할지",
  "The same for scripts": "스크립트에서 쓰도록",
  "Print a script that completes commands and flags in a shell":
    "셸에서 명령과 옵션을 완성하는 스크립트를 출력합니다",
  "In this shell of bash": "지금 이 bash에서",
  "For every zsh to come": "앞으로 여는 모든 zsh에서",
  "For every fish to come": "앞으로 여는 모든 fish에서",

  // launch
  "Write a job of another command for Slurm or Kubernetes":
    "다른 명령을 Slurm이나 Kubernetes 작업으로 씁니다",
  "Write a job of a kcbert-cli command for Slurm or Kubernetes":
    "kcbert-cli 명령을 Slurm이나 Kubernetes 작업으로 씁니다",
  "slurm or k8s: write a job; task: be one of its tasks":
    "slurm, k8s: 작업을 씁니다. task: 그 작업의 하나가 됩니다",
  "The job's name": "작업의 이름",
  "How many tasks; {0} and {1} in the command become each one's own":
    "작업 수. 명령 속의 {0}(과/와) {1}(은/는) 저마다의 것이 됩니다",
  "Files that the tasks divide among themselves: each one's follow its command":
    "작업들이 나누어 맡을 파일. 저마다의 몫이 명령 뒤에 붙습니다",
  "GPUs of each task": "작업마다 GPU 수",
  "TPU chips of each task, on Kubernetes": "작업마다 TPU 칩 수(Kubernetes)",
  "Processor cores of each task": "작업마다 프로세서 코어 수",
  "Memory of each task": "작업마다 메모리",
  "The longest that a task may run": "작업이 돌 수 있는 최대 시간",
  "Slurm's partition": "Slurm의 파티션",
  "Slurm's account": "Slurm의 계정",
  "The container's image, with kcbert-cli on its path; needed for k8s":
    "kcbert-cli가 들어 있는 컨테이너 이미지. k8s에 필요합니다",
  "The namespace on Kubernetes": "Kubernetes의 네임스페이스",
  "The PersistentVolumeClaim with data and results": "데이터와 결과를 둘 PersistentVolumeClaim",
  "Where the claim appears": "그것이 보이는 경로",
  "Labels of the nodes wanted: key=value, separated by commas": "쓸 노드의 레이블: 쉼표로 나눈 key=value",
  "Restarts after failures, on Kubernetes": "실패한 뒤 다시 시작할 횟수(Kubernetes)",
  "The file to write; standard output if absent": "쓸 파일. 없으면 표준 출력",
  "A training on the eight GPUs of one machine; stopped by the clock, it goes on by itself":
    "한 기계의 GPU 여덟 개로 학습. 시간이 다 되어 멈춰도 스스로 이어 갑니다",
  "A corpus, in sixteen parts that each take every sixteenth file": "파일을 열여섯 몫으로 나누어 맡는 코퍼스",
  "A fine-tuning with five seeds": "씨앗 다섯 개로 미세조정",

  // edge, quantize
  "Say where a model fits: Cloudflare Workers, Deno Deploy, Node":
    "모델이 어디에 들어가는지 말합니다: Cloudflare Workers, Deno Deploy, Node",
  "Say where a model fits: Workers, Deno Deploy, Node; from what it takes here":
    "모델이 어디에 들어가는지, 여기서 드는 만큼을 재어 말합니다: Workers, Deno Deploy, Node",
  "What to do: plan": "할 일: plan",
  "Only this one: workers-free, workers-paid, deno-deploy, node":
    "이것만: workers-free, workers-paid, deno-deploy, node",
  "Tokens of a comment, for the time that it takes": "시간을 잴 댓글의 토큰 수",
  "Where it fits, and why not elsewhere": "어디에 들어가고, 다른 곳은 왜 안 되는지",
  "One target, for a script": "한 곳만, 스크립트에서 쓰도록",
  "What the model was taught; custom for a task of one's own": "모델이 배운 과제. 자기 과제라면 custom",
  "A model of a task of one's own": "자기 과제의 모델",
};
