/**
 * Why models, tasks, plugins and downloads fail, in Korean; see `korean_messages.ts`, which has what concerns texts and files.
 */
export const koreanFailures: Readonly<Record<string, string>> = {
  // backends and plugins
  "Cannot start any backend: {0}": "시작할 수 있는 백엔드가 없습니다: {0}",
  "webgpu: only software plays the GPU": "webgpu: GPU가 아니라 소프트웨어가 흉내 냅니다",
  "{0}: it does not compute right": "{0}: 계산이 맞지 않습니다",
  "Cannot use {0} with the backend {1}: {2}": "{0}(은/는) 백엔드 {1}에서 쓸 수 없습니다: {2}",
  "it is for xla": "xla에서만 씁니다",
  "it needs a package: {0}": "패키지가 필요합니다: {0}",
  "it needs packages: {0}": "패키지가 필요합니다: {0}",
  "there is no GPU that WebGPU can use": "WebGPU가 쓸 수 있는 GPU가 없습니다",
  "TensorFlow.js refuses the GPU": "TensorFlow.js가 이 GPU를 받아들이지 않습니다",
  "Cannot divide batches over {0} devices: the platform {1} has {2}":
    "배치를 장치 {0}개로 나눌 수 없습니다: 플랫폼 {1}에는 {2}개가 있습니다",
  "Cannot use {0}: it takes one of {1}": "{0}(은/는) 쓸 수 없습니다: {1} 가운데 하나여야 합니다",
  "Cannot {0} plugins: write plugin install <name>, or plugin list":
    "plugin {0}(은/는) 없습니다: plugin install <이름>이나 plugin list라고 쓰세요",
  "Cannot use --version with --wheel: the wheel's name tells its version":
    "--version과 --wheel은 함께 쓸 수 없습니다: 버전은 wheel 파일의 이름에 있습니다",
  "Cannot install {0}: it takes one of {1}": "{0}(은/는) 설치할 수 없습니다: {1} 가운데 하나여야 합니다",
  "Cannot install {0} as the plugin of {1}: it does not have {2}":
    "{0}(을/를) {1}의 플러그인으로 설치할 수 없습니다: {2}(이/가) 없습니다",
  "Cannot install {0}: what came has another sha256 than the index says ({1}…); it was removed, try again":
    "{0}(을/를) 설치할 수 없습니다: 받은 파일의 sha256이 색인과 다릅니다({1}…). 지웠으니 다시 하세요",
  "Cannot install {0} {1} on {2} {3}: it is made for {4}":
    "{2} {3}에는 {0} {1}(을/를) 설치할 수 없습니다: {4}용입니다",
  "Cannot find {0} {1} in the index: it has {2}": "색인에 {0} {1}(이/가) 없습니다: 있는 것은 {2}입니다",
  "Cannot find {0} in the index {1}: it has no such thing": "색인 {1}에 {0}(이/가) 없습니다",
  "Cannot find an XLA plugin for {0}: kcbert-cli plugin install {1} brings one, or KCBERT_PJRT_PLUGIN names it":
    "{0}용 XLA 플러그인이 없습니다: kcbert-cli plugin install {1}(으로/로) 받거나, KCBERT_PJRT_PLUGIN으로 알려 주세요",
  "Cannot find the XLA plugin {0}: there is no such file; give the path of a shared library, or one of {1}":
    "XLA 플러그인 {0}(이/가) 없습니다: 그런 파일이 없습니다. 공유 라이브러리의 경로나 {1} 가운데 하나를 주세요",
  "Cannot read the wheel {0}: {1}": "wheel {0}(을/를) 읽을 수 없습니다: {1}",
  "Cannot read what the index says of {0}: it does not answer as a package index does":
    "{0}에 대한 색인의 답을 읽을 수 없습니다: 패키지 색인답지 않은 답입니다",
  "Cannot use the plugin {0} for {1} as its platform is {2}":
    "플러그인 {0}(은/는) {1}에 쓸 수 없습니다: 플랫폼이 {2}입니다",
  "Cannot use a TPU as this machine has none: neither {0} nor {1} is there":
    "이 컴퓨터에는 TPU가 없습니다: {0}도 {1}도 없습니다",
  "Cannot load NVIDIA's {0}, which neither Python's packages nor LD_LIBRARY_PATH have: {1}":
    "NVIDIA의 {0}(을/를) 불러올 수 없습니다. 파이썬 패키지에도 LD_LIBRARY_PATH에도 없습니다: {1}",
  "{0}; kcbert-cli doctor says what this machine has":
    "{0}. 이 컴퓨터에 무엇이 있는지는 kcbert-cli doctor로 볼 수 있습니다",
  "Cannot reach {0}: {1}; a wheel that is there already is installed with --wheel":
    "{0}에 연결할 수 없습니다: {1}. 이미 받은 wheel은 --wheel로 설치합니다",
  "{0}; --batch-size {1} --accumulate {2} would fit":
    "{0}. --batch-size {1} --accumulate {2}(이라면/라면) 됩니다",
  "{0}; --batch-size {1} --evaluation-batch-size {2} would fit":
    "{0}. --batch-size {1} --evaluation-batch-size {2}(이라면/라면) 됩니다",
  "{0}; a smaller --batch-size than {1} takes less, with a greater --accumulate for the same step":
    "{0}. --batch-size를 {1}보다 줄이고 그만큼 --accumulate를 늘리면 메모리를 덜 씁니다",
  "{0}; a smaller --batch-size than {1} takes less, or a smaller --evaluation-batch-size than {2}":
    "{0}. --batch-size를 {1}보다, 또는 --evaluation-batch-size를 {2}보다 줄이면 메모리를 덜 씁니다",
  "{0} as it asks for {1}": "{0}: {1}(을/를) 달라고 합니다",
  "Cannot compile the program": "프로그램을 컴파일할 수 없습니다",
  "Cannot run the program": "프로그램을 실행할 수 없습니다",

  // models
  "Cannot predict with the model {0} as it is a {1}: kcbert-cli finetune makes one that can":
    "모델 {0}(으로/로)는 예측할 수 없습니다: {1}입니다. kcbert-cli finetune으로 예측할 수 있는 모델을 만드세요",
  "Cannot use the model {0} for this as it is a {1}: it takes a {2}":
    "모델 {0}(은/는) 여기에 쓸 수 없습니다: {1}인데 {2}(이어야/여야) 합니다",
  "Cannot use the model {0} for this as it has {1} labels: the task has {2}":
    "모델 {0}(은/는) 여기에 쓸 수 없습니다: 라벨이 {1}개인데 과제에는 {2}개입니다",
  "model of no kind that it tells": "종류를 알 수 없는 모델",
  "Cannot score the model on a file of one's own as it is a {0}: it takes a {1}":
    "이 모델로는 자기 파일을 채점할 수 없습니다: {0}인데 {1}(이어야/여야) 합니다",
  "Cannot quantise the model {0}: {1}": "모델 {0}(을/를) 양자화할 수 없습니다: {1}",
  "it is a {0}: known are {1}": "{0}입니다. 아는 것은 {1}입니다",
  "the folder has files ({0}); name another, or add --overwrite":
    "폴더에 파일이 있습니다({0}). 다른 폴더를 쓰거나 --overwrite를 쓰세요",
  "the folder has files that export did not make ({0}); name another, or add --overwrite":
    "export가 만들지 않은 파일이 폴더에 있습니다({0}). 다른 폴더를 쓰거나 --overwrite를 쓰세요",
  "its tokenizer has {0} tokens, its config.json {1}":
    "토크나이저의 토큰은 {0}개인데 config.json에는 {1}개입니다",
  "the weights are quantised; export the folder that they were made from":
    "가중치가 양자화되어 있습니다. 양자화하기 전의 폴더를 내보내세요",
  "{0} is missing, which {1} names": "{1}에 적힌 {0}(이/가) 없습니다",
  "there is no model.safetensors and no pytorch_model.bin":
    "model.safetensors도 pytorch_model.bin도 없습니다",
  "its class {0} is none of {1}": "클래스 {0}(은/는) {1} 가운데 없습니다",
  "a {0} must have {1}, which the weights lack": "{0}에는 {1}(이/가) 있어야 하는데 가중치에 없습니다",
  "it lacks {0}": "{0}(이/가) 없습니다",
  "Cannot edge {0}: the one thing it does is plan": "edge {0}(은/는) 없습니다: edge가 하는 일은 plan뿐입니다",
  "Cannot keep the masked language model of {0} as it has none: it lacks {1}":
    "{0}에는 이어서 학습할 마스크 언어 모델이 없습니다: {1}(이/가) 없습니다",
  "Cannot keep a masked language model that begins from random weights":
    "무작위 가중치로 시작하는 마스크 언어 모델은 이어서 학습할 것이 없습니다",

  // the hub
  "Cannot use --local-dir while HF_HUB_OFFLINE is set: nothing can be downloaded":
    "HF_HUB_OFFLINE이 켜져 있으면 --local-dir를 쓸 수 없습니다: 아무것도 내려받을 수 없습니다",
  "{0}; HF_HUB_OFFLINE is set, so the hub is not asked":
    "{0}. HF_HUB_OFFLINE이 켜져 있어 허브에 묻지 않습니다",
  "Cannot find {0} at {1} in the cache {2}: {3}": "캐시 {2}에 {0}({1})(이/가) 없습니다: {3}",
  "what came has another {0} than the hub says ({1}…); it was removed, try again":
    "받은 파일의 {0}(이/가) 허브가 말한 것과 다릅니다({1}…). 지웠으니 다시 하세요",
  "it must have {0} bytes, and {1} came; try again": "{0}바이트여야 하는데 {1}바이트가 왔습니다. 다시 하세요",
  "it has {0} bytes, and {1} came": "{0}바이트인데 {1}바이트가 왔습니다",
  "the server sends another part than was asked for": "서버가 요청하지 않은 부분을 보냅니다",
  "the server has another file now": "서버의 파일이 그 사이에 바뀌었습니다",
  "no file matches {0}": "{0}에 맞는 파일이 없습니다",
  "it has no {0}; --include names other files": "{0}(이/가) 없습니다. 다른 파일은 --include로 고릅니다",
  "{0} redirects without an end": "{0}(이/가) 끝없이 다른 주소로 보냅니다",
  "{0} does not answer as the hub does ({1})": "{0}(은/는) 허브답지 않게 답합니다({1})",
  "{0} redirects to what is no address": "{0}(이/가) 주소가 아닌 곳으로 보냅니다",
  "Cannot write to the cache {0}: {1}": "캐시 {0}에 쓸 수 없습니다: {1}",
  "Cannot read the folder {0}": "폴더 {0}(을/를) 읽을 수 없습니다",
  "Cannot use the token of {0}: it has spaces or characters that a token cannot have":
    "{0}의 토큰을 쓸 수 없습니다: 토큰에 있을 수 없는 공백이나 글자가 있습니다",
  "Cannot use --revision {0} with {1}: the name has a revision already":
    "{1}에는 --revision {0}(을/를) 쓸 수 없습니다: 이름에 이미 리비전이 있습니다",
  "it takes a branch, a tag or a commit": "브랜치나 태그, 커밋이어야 합니다",
  "Cannot open the model {0}: the cache does not have it at {1}; write {2}":
    "모델 {0}(을/를) 열 수 없습니다: 캐시에 {1}의 것이 없습니다. {2}(이라고/라고) 쓰세요",
  "its release has no part of a .tar.gz any more ({0})": "릴리스에 .tar.gz 조각이 더는 없습니다({0})",
  "Cannot read the release at {0}: the answer has no list of files":
    "{0}의 릴리스를 읽을 수 없습니다: 답에 파일 목록이 없습니다",
  "there is no file in it": "안에 파일이 없습니다",

  "there is no such folder": "그런 폴더가 없습니다",
  "nothing of it is there": "아무것도 없습니다",
  "it is not complete, {0}": "다 있지 않습니다. {0}",
  "it has no config.json": "config.json이 없습니다",
  "it has no weights": "가중치가 없습니다",
  "its answer lacks X-Repo-Commit or ETag": "답에 X-Repo-Commit이나 ETag가 없습니다",
  "there is no revision {0}; leave --revision out for the latest version":
    "리비전 {0}(이/가) 없습니다. 가장 새 것은 --revision 없이 받습니다",
  "the hub says that it is disabled": "허브가 사용 중지되었다고 합니다",
  "the token is not valid; make another at {0}, or unset HF_TOKEN":
    "토큰이 올바르지 않습니다. {0}에서 새로 만들거나 HF_TOKEN을 지우세요",
  "its authors must grant access: ask for it at {0}": "만든 이의 허락이 필요합니다. {0}에서 요청하세요",
  "its authors must grant access: ask for it at {0} as the owner of the token":
    "만든 이의 허락이 필요합니다. {0}에서 토큰의 주인으로 요청하세요",
  "its authors must grant access: ask for it at {0}, and set HF_TOKEN":
    "만든 이의 허락이 필요합니다. {0}에서 요청하고 HF_TOKEN을 설정하세요",
  "{0} has no model of this name, or it is private": "{0}에 그런 이름의 모델이 없거나 비공개입니다",
  "{0} has no model of this name, or it is private and the token may not read it; check the spelling of {1}":
    "{0}에 그런 이름의 모델이 없거나, 비공개라 이 토큰으로 읽을 수 없습니다. {1}의 철자를 확인하세요",
  "{0} has no model of this name, or it is private; check the spelling of {1}, or set HF_TOKEN":
    "{0}에 그런 이름의 모델이 없거나 비공개입니다. {1}의 철자를 확인하거나 HF_TOKEN을 설정하세요",
  "the token may not read it": "이 토큰으로는 읽을 수 없습니다",
  "nobody may read it without a token; set HF_TOKEN": "토큰 없이는 읽을 수 없습니다. HF_TOKEN을 설정하세요",
  "it takes a name such as {0}": "{0} 같은 이름이어야 합니다",
  "it has no wheels of it": "wheel이 없습니다",
  "its {0} is {1}, and {2} is asked for": "{0}(이/가) {1}인데 {2}(을/를) 달라고 했습니다",
  "It does not start within {0} s": "{0}초 안에 시작하지 않습니다",
  "a TPU is in a Cloud TPU VM only; without one, programs can be compiled for it ahead of time":
    "TPU는 Cloud TPU VM에만 있습니다. 없어도 프로그램을 미리 컴파일할 수는 있습니다",

  // tasks
  "the tasks are {0}": "과제는 {0}입니다",
  "Cannot learn a task of one's own without --train": "자기 과제는 --train이 있어야 학습할 수 있습니다",
  "Cannot finish {0} of {1} tasks: {2}": "과제 {1}개 가운데 {0}개를 마치지 못했습니다: {2}",
  "it has neither a development nor a test set here": "여기에는 개발 집합도 평가 집합도 없습니다",
  "Cannot use {0} of {1} in {2}: it is no hyper-parameter":
    "{2}에 있는 {1}의 {0}(은/는) 쓸 수 없습니다: 하이퍼파라미터가 아닙니다",
  "Cannot score {0} as there is no {1} set: --data names a folder, --file a file":
    "{0}(을/를) 채점할 {1} 집합이 없습니다: 폴더는 --data로, 파일은 --file로 알려 주세요",
  "Cannot score {0} as there is no {1} set here": "{0}(을/를) 채점할 {1} 집합이 여기 없습니다",
  "Cannot learn classes from {0} as its column {1} holds {2} of them":
    "{0}에서 분류를 배울 수 없습니다: {1} 열에 있는 라벨이 {2}가지입니다",
  "Cannot read {0}: it is no result of kcbert-cli finetune":
    "{0}(을/를) 읽을 수 없습니다: kcbert-cli finetune의 결과가 아닙니다",
  "Cannot make a table as there is no results.json in {0}": "{0}에 results.json이 없어 표를 만들 수 없습니다",
  "Cannot balance classes as the task does not choose one class for each text":
    "글마다 하나를 고르는 과제가 아니어서 분류의 무게를 맞출 수 없습니다",
  "Cannot use line {0} of {1}: {2}; without --strict it would be {3}":
    "{1}의 {0}번째 줄을 쓸 수 없습니다: {2}. --strict가 없으면 {3}",
  "left out": "건너뜁니다",
  "used as it is": "그대로 씁니다",
  "Cannot fine-tune as the training set holds nothing": "학습 집합이 비어 있어 학습할 수 없습니다",
  "Cannot read the data of {0}: {1} is no folder":
    "{0}의 데이터를 읽을 수 없습니다: {1}(은/는) 폴더가 아닙니다",
  "Cannot fine-tune {0} as there are no files of it: {1}": "{0}의 파일이 없어 학습할 수 없습니다: {1}",
  "--train names none": "--train이 없습니다",
  "Cannot fine-tune {0} without a training set: {1}; --carve 0.8 would learn from a part of the test set, and scores would not compare with published ones":
    "{0}(을/를) 학습 집합 없이 학습할 수 없습니다: {1}. --carve 0.8이라면 평가 집합의 일부로 학습하지만, 점수를 공개된 점수와 견줄 수 없습니다",
  "Cannot answer a question without a text: --pair names where it stands":
    "글이 없으면 질문에 답할 수 없습니다: 글이 어디 있는지 --pair로 알려 주세요",
  "Cannot read {0} as questions in SQuAD's JSON: {1}":
    "{0}(을/를) SQuAD 형식의 질문으로 읽을 수 없습니다: {1}",
  "its header has the column {0} more than once": "첫 줄에 {0} 열이 여러 번 있습니다",
  "it has no header line": "열 이름이 적힌 첫 줄이 없습니다",
  "its header has no column {0}, but {1}": "첫 줄에 {0} 열이 없고, 있는 것은 {1}입니다",

  // training
  "Cannot train with --clean {0} on {1}: its index says that it was cleaned with {2}":
    "{1}(을/를) --clean {0}(으로/로) 학습할 수 없습니다: {2}(으로/로) 정제되었다고 적혀 있습니다",
  "Cannot tell how the training ended": "학습이 어떻게 끝났는지 알 수 없습니다",
  "Cannot make pairs of {0}: its lines are shuffled; give the files of text":
    "{0}(으로/로)는 문장 쌍을 만들 수 없습니다: 줄이 섞여 있습니다. 글 파일을 주세요",
  "its ids are of another tokenizer, of {0} tokens; name that one with --tokenizer":
    "토큰 {0}개짜리 다른 토크나이저의 id입니다. 그 토크나이저를 --tokenizer로 알려 주세요",
  "{0}; name another --output to begin anew": "{0}. 처음부터 하려면 다른 --output을 쓰세요",
  "Cannot divide --hidden {0} among --heads {1}: it takes a multiple":
    "--hidden {0}(을/를) --heads {1}(으로/로) 나눌 수 없습니다: 배수여야 합니다",
  "Cannot use --buckets with --next-sentence: each pair has a row of --max-length":
    "--buckets와 --next-sentence는 함께 쓸 수 없습니다: 쌍마다 --max-length짜리 행이 하나입니다",
  "Cannot use --positions {0} with --max-length {1}: it takes at least as many":
    "--max-length {1}에는 --positions {0}(을/를) 쓸 수 없습니다: 적어도 그만큼이어야 합니다",
  "Cannot use --buckets {0} with --max-length {1}: no row is longer than that":
    "--max-length {1}에는 --buckets {0}(을/를) 쓸 수 없습니다: 그보다 긴 행은 없습니다",
  "Cannot use the samples in {0}: a line has no [MASK]: {1}":
    "{0}의 예문을 쓸 수 없습니다: [MASK]가 없는 줄이 있습니다: {1}",
  "no metrics.jsonl": "metrics.jsonl이 없습니다",
  "Cannot report on {0}: {1} tells of no training run":
    "{0}(을/를) 보고할 수 없습니다: {1}에 학습한 기록이 없습니다",
  "Cannot resume as {0}": "이어서 학습할 수 없습니다: {0}",
  "the run was started with another {0}: it was {1}, now it is {2}":
    "다른 {0}(으로/로) 시작한 학습입니다. {1}이었는데 지금은 {2}입니다",
  "the checkpoint holds no {0}": "체크포인트에 {0}(이/가) 없습니다",
  "the checkpoint is not one of fine-tuning: it tells no evaluations":
    "미세조정의 체크포인트가 아닙니다. 채점한 기록이 없습니다",
  "Cannot go on as the loss is {0} in step {1}, at learning rate {2}: a lower rate or a longer warm-up would help":
    "스텝 {1}에서 손실이 {0}(이/가) 되어 계속할 수 없습니다(학습률 {2}): 학습률을 낮추거나 워밍업을 늘리세요",
  "Cannot go on as the loss is {0} in step {1}, at learning rate {2}: a lower rate or a warm-up would help":
    "스텝 {1}에서 손실이 {0}(이/가) 되어 계속할 수 없습니다(학습률 {2}): 학습률을 낮추거나 워밍업을 쓰세요",

  // jobs
  "Missing --image: it names a container's image that has kcbert-cli on its path":
    "--image가 빠졌습니다: kcbert-cli가 들어 있는 컨테이너 이미지의 이름입니다",
  "Missing the command to run: write it behind --, such as -- pretrain --config recipe.json":
    "실행할 명령이 빠졌습니다: -- 뒤에 쓰세요. 예: -- pretrain --config recipe.json",
  "Cannot run task {0} of {1}: {2} matches {3} files, none is left for it":
    "과제 {1}개 가운데 {0}번을 할 수 없습니다: {2}에 맞는 파일이 {3}개라 차례가 오지 않습니다",
  "it takes up to 42 lower-case letters, digits and hyphens, a letter first":
    "소문자, 숫자, 붙임표로 42자까지이고 글자로 시작해야 합니다",
  "it takes a size such as 64G": "64G 같은 크기여야 합니다",
  "it takes key=value": "key=value 꼴이어야 합니다",
  "Cannot tell which task this is: {0}; a rank is a whole number from 0, below the tasks":
    "몇 번째 과제인지 알 수 없습니다: {0}. 순번은 0부터 과제 수 미만의 정수입니다",

  // files and flags
  "Cannot make the folder {0}: {1}": "폴더 {0}(을/를) 만들 수 없습니다: {1}",
  "Cannot write the folder {0}: it is a file": "폴더 {0}(을/를) 쓸 수 없습니다: 파일입니다",
  "Cannot calibrate {0} as it does not choose one class for each text":
    "{0}(은/는) 글마다 하나를 고르는 과제가 아니어서 확률을 맞출 수 없습니다",
  "Cannot calibrate {0} as there is no development set: --dev names a file, --dev-part the part of the training set that finetune set aside":
    "{0}의 확률을 맞출 개발 집합이 없습니다: 파일은 --dev로, finetune이 학습 집합에서 떼어 둔 부분은 --dev-part로 알려 주세요",
  "Cannot calibrate {0} so that {1} of its sure answers are right: no probability is enough for it; ask for less with --accuracy":
    "{0}의 확실한 답이 {1}만큼 맞게 할 수 없습니다: 그만한 확률이 없습니다. --accuracy를 낮추세요",
  "Cannot calibrate the model as {0}": "모델의 확률을 맞출 수 없습니다: {0}",
  "{0} lies over another model's weights: do so before quantize --base":
    "{0}(은/는) 다른 모델의 가중치 위에 얹은 것입니다. quantize --base 전에 하세요",
  "{0} has no {1}": "{0}에 {1}(이/가) 없습니다",
  "its folder has none of {0}, of less than 2 GiB": "폴더에 2 GiB보다 작은 {0}(이/가) 없습니다",
  "Cannot lay the model {0} over {1}: {2}": "모델 {0}(을/를) {1} 위에 얹을 수 없습니다: {2}",
  "it holds {0}: one head is laid over a base": "{0}(이/가) 들어 있습니다. 한 번에 머리 하나만 얹습니다",
  "it takes {0}, and it is {1}": "{0}(이어야/여야) 하는데 {1}입니다",
  "it has {0} bytes, and {1} were written; remove its folder and begin anew":
    "{0}바이트인데 쓴 것은 {1}바이트입니다. 폴더를 지우고 처음부터 하세요",
  "a line is longer than {0} bytes, the most that a line may have":
    "한 줄의 최대 길이 {0}바이트보다 긴 줄이 있습니다",
  "The worker threads were ended": "작업 스레드를 끝냈습니다",
  "its vocabulary has {0} tokens, and shards hold 16 bits, {1} at most":
    "어휘의 토큰이 {0}개인데 샤드는 16비트라 {1}개까지 담습니다",
  "{0} of {1} bytes were written": "{1}바이트 가운데 {0}바이트만 썼습니다",
  'Cannot take the text "{0}" of {1}: {2}': '{1}에서 글 "{0}"(을/를) 꺼낼 수 없습니다: {2}',
  "it is JSON, but not an object": "JSON이지만 객체가 아닙니다",
  "{0} (text {1})": "{0} (글 {1})",
};
