import { clean, cleanCorpus, cleanWithOffsets } from "@kcbert/normalizer";

console.log(clean("이거 실화냐ㅋㅋㅋㅋㅋㅋ★ https://a.com/b 👍")); // 이거 실화냐ㅋㅋ 👍

// Where a part of the cleaned text stood in the source, for highlighting.
const source = "♡♡ 최고예요!!";
const { text, offsets } = cleanWithOffsets(source);
const at = text.indexOf("최고");
console.log(source.slice(offsets[at], offsets[at + 2])); // 최고

// A corpus: cleaned, 10 characters or more, each line once.
console.log([...cleanCorpus(["굿", "정말 재밌게 봤어요!!", "정말 재밌게 봤어요!!★"])].length); // 1
