import { BertTokenizer, trainWordPiece } from "@kcbert/tokenizer";

// A vocabulary from your own text; KcBERT's is a file: BertTokenizer.fromVocab(await readFile("vocab.txt", "utf8")).
const lines = ["정말 재밌는 영화", "정말 재미없는 영화", "재밌는 영화예요"];
const { tokens } = await trainWordPiece(lines, { vocabSize: 60, minFrequency: 1 });
const tokenizer = BertTokenizer.fromVocab(tokens);

const comment = "재밌는 영화";
const encoding = tokenizer.encode(comment);
console.log(encoding.tokens.join(" ")); // [CLS] 재밌는 영화 [SEP]
console.log(comment.slice(encoding.offsets[2], encoding.offsets[3])); // 재밌는
console.log(tokenizer.decode(encoding.ids, { skipSpecialTokens: true })); // 재밌는 영화

// A padded batch, ready for a model.
const batch = tokenizer.encodeBatch(["재밌는 영화", "영화"], { padding: "longest" });
console.log(batch.ids.length / 2); // 4
