/** How a file is known to be the right one. */
export type Checksum =
  | { readonly kind: "sha256"; readonly value: string }
  /** The name that git has for the content: the SHA-1 of `blob <bytes>\0` and the bytes. */
  | { readonly kind: "git"; readonly value: string };

/** A file that is published somewhere. */
export interface DatasetFile {
  /** What it is called in the dataset's folder. */
  readonly name: string;
  readonly url: string;
  readonly bytes?: number;
  /** Where its publisher tells none, the first download is recorded, and later ones are held to it. */
  readonly checksum?: Checksum;
}

/** A published set of data. */
export interface Dataset {
  /** Its name here, and the name of its folder; that of the task of `finetune`, where it is one's. */
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  /** What else must be known before it is used. */
  readonly notice?: string;
  /** Who publishes it. */
  readonly home: string;
  readonly files: readonly DatasetFile[];
  /** Its files are the assets of a GitHub release, which is asked for them. */
  readonly release?: { readonly repository: string; readonly tag: string };
  /** The files are one compressed archive, cut into parts. */
  readonly split?: boolean;
}

/** Files of public repositories, at a commit, so that they stay as they are. KoELECTRA has some as KcBERT was fine-tuned on them. */
const RAW = "https://raw.githubusercontent.com";

/** The sets that this program knows where to find. */
export const DATASETS: readonly Dataset[] = [
  {
    name: "kcbert-v1",
    title: "KcBERT's own corpus: 89 million cleaned comments of 2019-01 to 2020-06, 12.5 GB",
    licence: "MIT",
    home: "https://github.com/Beomi/KcBERT/releases/tag/TrainData_v1",
    files: ["aa", "ab", "ac"].map((part) => ({
      name: `kcbert-train.tar.gz${part}`,
      url: `https://github.com/Beomi/KcBERT/releases/download/TrainData_v1/kcbert-train.tar.gz${part}`,
    })),
    split: true,
  },
  {
    name: "kcbert-v2022.3q",
    title: "The larger corpus of KcELECTRA v2022: 340 million comments up to 2022, 45 GB",
    licence: "MIT",
    home: "https://github.com/Beomi/KcBERT/releases/tag/v2022.3Q",
    files: [],
    release: { repository: "Beomi/KcBERT", tag: "v2022.3Q" },
    split: true,
  },
  {
    name: "nsmc",
    title: "Naver sentiment movie corpus: 200,000 reviews, positive or negative",
    licence: "CC0-1.0",
    home: "https://github.com/e9t/nsmc",
    files: git(`${RAW}/e9t/nsmc/cc0670e872d4ac27bfe36c87456783004b39ef6c`, [
      ["ratings_train.txt", "ac0dba272895dc1d0b3dd5f11afbeaeb7abe7876", 14_628_807],
      ["ratings_test.txt", "b6cfcd8cd1557bcd9bf06617b0e429ed73e9a367", 4_893_335],
    ]),
  },
  {
    name: "kornli",
    title: "KorNLI: does a sentence follow from another? 950,354 pairs",
    licence: "CC-BY-SA-4.0",
    home: "https://github.com/kakaobrain/KorNLUDatasets",
    files: git(`${RAW}/kakaobrain/KorNLUDatasets/0df0fe7d496eb61b092e022e238c2230b29f1cbc/KorNLI`, [
      ["multinli.train.ko.tsv", "94d26a9d0dd045928148ef8691a256bd0e7d45c3"],
      ["snli_1.0_train.ko.tsv", "c91761e52fca2a7420104589811346986ce94073"],
      ["xnli.dev.ko.tsv", "21305150d466aa35d42b14e1890b7dcd58084634", 511_383],
      ["xnli.test.ko.tsv", "89a0b11bffa775fafd88178b3980a1fe2d8aee52", 1_032_430],
    ]),
  },
  {
    name: "korsts",
    title: "KorSTS: how alike are two sentences, from 0 to 5? 8,628 pairs",
    licence: "CC-BY-SA-4.0",
    home: "https://github.com/kakaobrain/KorNLUDatasets",
    files: git(`${RAW}/kakaobrain/KorNLUDatasets/0df0fe7d496eb61b092e022e238c2230b29f1cbc/KorSTS`, [
      ["sts-train.tsv", "91fc16190dd0102a3cad2f0abf83317703438869", 1_046_952],
      ["sts-dev.tsv", "3686d9394fa63bcfd6b1bc7c70a60b1dfe08d388", 307_276],
      ["sts-test.tsv", "d2a7c958d520ed84402c0042142a60d9a18ee3e4", 249_596],
    ]),
  },
  {
    name: "question-pair",
    title: "Question Pair: do two questions ask the same? 7,576 pairs",
    licence: "MIT",
    home: "https://github.com/songys/Question_pair",
    files: git(
      `${RAW}/monologg/KoELECTRA/024fbdd600e653b6e4bdfc64ceec84181b5ce6c4/finetune/data/question-pair`,
      [
        ["train.tsv", "13029db0f61003a710d197dd8b2f8093d7ece75f", 441_758],
        ["dev.tsv", "631cc37063a384d4deb81ff4ea9433440a74e144", 49_083],
        ["test.tsv", "b3fb1b47f5326eac4c3a3c01927973e187ce1a0e", 54_395],
      ],
    ),
  },
  {
    name: "korquad",
    title: "KorQuAD 1.0: where in a text is the answer to a question? 66,181 questions",
    licence: "CC-BY-ND-2.0-KR",
    notice: "It may be used and passed on, also commercially, but not changed",
    home: "https://korquad.github.io/KorQuad%201.0/",
    files: [
      {
        name: "KorQuAD_v1.0_train.json",
        url: "https://korquad.github.io/dataset/KorQuAD_v1.0_train.json",
        checksum: { kind: "git", value: "82e3c5939e5e61a1c4ae94e42676800e88ec52a6" },
      },
      {
        name: "KorQuAD_v1.0_dev.json",
        url: "https://korquad.github.io/dataset/KorQuAD_v1.0_dev.json",
        bytes: 3_881_058,
        checksum: { kind: "git", value: "6849d8c79140447018f5701a0453835c96608a07" },
      },
    ],
  },
  {
    name: "paws",
    title: "PAWS-X in Korean: do two sentences with the same words mean the same? 53,338 pairs",
    licence: "PAWS-X",
    notice: "Free for any purpose; acknowledging Google LLC as the source is asked for",
    home: "https://github.com/google-research-datasets/paws/tree/master/pawsx",
    files: git(`${RAW}/monologg/KoELECTRA/024fbdd600e653b6e4bdfc64ceec84181b5ce6c4/finetune/data/paws`, [
      ["translated_train.tsv", "a09883705bed3ba1bd61f281559923fd2592b307"],
      ["dev_2k.tsv", "d760482f2988afe9a7930b00ae32743f182c9409", 532_624],
      ["test_2k.tsv", "73439d805b017aafc57c85c15ad1d5d2fc922b4b", 540_041],
    ]),
  },
  {
    name: "naver-ner",
    title: "NAVER and Changwon University's named entities: 90,000 sentences, 14 kinds of names",
    licence: "research only",
    notice: "It may be used for research and leaderboards, not commercially, and not be passed on",
    home: "https://github.com/naver/nlp-challenge/tree/master/missions/ner",
    files: git(`${RAW}/monologg/KoELECTRA/024fbdd600e653b6e4bdfc64ceec84181b5ce6c4/finetune/data/naver-ner`, [
      ["train.tsv", "a9e359664d261e9c7fc2a63d5ecf465bbb00b01b"],
      ["test.tsv", "6b0527678c6f614452f318178ad37129e655fd95", 1_445_566],
    ]),
  },
  {
    name: "korean-hate-speech",
    title: "BEEP!: hate, bias and gender bias in 9,341 comments on entertainment news",
    licence: "CC-BY-SA-4.0",
    notice: "It holds abusive language",
    home: "https://github.com/kocohub/korean-hate-speech",
    files: [
      ...git(`${RAW}/kocohub/korean-hate-speech/f8d05dce2b22007bb149e5139c0060c68ad8f94b/labeled`, [
        ["train.tsv", "a7663ec2ee2837b5e38a6c49ca47caee84eea894", 913_546],
        ["dev.tsv", "a2b083b74c72a4dab444ddc6b3e83fa269306b24", 54_903],
      ]),
      ...git(`${RAW}/kocohub/korean-hate-speech/f8d05dce2b22007bb149e5139c0060c68ad8f94b`, [
        ["test.no_label.tsv", "14b36a4588fc5e9f9c0b6ebed842549b173345c4", 96_108],
      ]),
    ],
  },
  {
    name: "korean-hate-speech-unlabelled",
    title: "BEEP!: two million comments on entertainment news, without labels",
    licence: "CC-BY-SA-4.0",
    notice: "It holds abusive language",
    home: "https://github.com/kocohub/korean-hate-speech",
    files: git(`${RAW}/kocohub/korean-hate-speech/f8d05dce2b22007bb149e5139c0060c68ad8f94b/unlabeled`, [
      ["unlabeled_comments_1.txt", "67f65966c71da0a12a38c1e583a18a71230b9064"],
      ["unlabeled_comments_2.txt", "300e2b1d86c104d16a9dd8bd9658ce1318bb93e6"],
      ["unlabeled_comments_3.txt", "bc7093d383eaab2979caa6c3f1a75c72a9df3e91"],
      ["unlabeled_comments_4.txt", "54adbac768bdf00985c177ecc762a194daa717b7"],
      ["unlabeled_comments_5.txt", "0b68bd07ce849b933f6a67d4cf07c1eefcb623bb", 3_569_176],
    ]),
  },
  {
    name: "curse-detection",
    title: "Curse detection: are there swear words in a comment? 5,825 comments",
    licence: "MIT",
    notice: "It holds abusive language",
    home: "https://github.com/2runo/Curse-detection-data",
    files: git(`${RAW}/2runo/Curse-detection-data/ff241621e103b6f220d30de324d0d07987887308`, [
      ["dataset.txt", "c3ef8069161913ec97dfc75d65cff62172201144", 514_417],
    ]),
  },
];

// --- internal ---

/** Files of one folder in git, at a commit, with git's own names for their content. */
function git(
  folder: string,
  files: readonly (readonly [name: string, hash: string, bytes?: number])[],
): DatasetFile[] {
  return files.map(([name, value, bytes]) => ({
    name,
    url: `${folder}/${name}`,
    ...(bytes === undefined ? {} : { bytes }),
    checksum: { kind: "git", value },
  }));
}
