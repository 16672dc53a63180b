/**
 * Emoji for a corpus that is older than they are.
 *
 * The reviews end in 2015: they laugh with ㅋㅋ, cry with ㅠㅠ and love with ♥. So that a model knows what people write
 * today, some lines are written once more, with an emoji where such a sign stands, or behind the word that it goes with.
 */
import { uniform } from "@kcbert/bert";

/** A sign, and the emoji that stand for it: in its place, or behind the text that it occurs in. */
interface Rule {
  readonly sign: RegExp;
  readonly emoji: readonly string[];
  readonly place: "instead" | "end";
}

const rule = (sign: RegExp, emoji: string, place: Rule["place"] = "instead"): Rule => ({
  sign,
  emoji: emoji.split(" "),
  place,
});

/** From the most to the least particular; the first that fits a line is used. All emoji are ones that `clean` keeps. */
const RULES: readonly Rule[] = [
  rule(/♥/g, "❤️ 😍 🥰 💕 ❤ 💖 😘"),
  rule(/ㅠㅠ|ㅜㅜ/g, "😭 😢 😭😭 🥺 😥"),
  rule(/ㅡㅡ|-_-/g, "😑 😒 🙄 😤 😠"),
  rule(/\^\^/g, "😊 🙂 ☺️ 😄"),
  rule(/ㅎㅎ/g, "😄 😁 😊 😆"),
  rule(/ㅋㅋ/g, "😂 🤣 😂😂 😆 🤣🤣 😅"),
  rule(/쓰레기|돈 ?아까|최악/, "👎 🤮 💩 😡 🤬 👎👎", "end"),
  rule(/짜증|화[가나]/, "😡 😤 🤬 💢 😠", "end"),
  rule(/별로|지루|노잼|재미없/, "👎 😴 🥱 😒 😞", "end"),
  rule(/무서|공포|소름/, "😱 😨 👻 😰", "end"),
  rule(/눈물|슬[프펐퍼]|울었/, "😭 😢 💧 😥", "end"),
  rule(/감동|박수|명작/, "👏 👏👏 💯 🙏 😭", "end"),
  rule(/대박|최고|강추|짱/, "👍 👍👍 🔥 💯 👏 🎉 ⭐", "end"),
  rule(/사랑|설레|예[쁘뻐]/, "❤️ 😍 🥰 💕 💗", "end"),
  rule(/재[밌미](?!.{0,4}[없못])/, "👍 😄 😆 🤩 ✨", "end"),
];

/**
 * Some lines of a cleaned corpus, with emoji.
 *
 * @param lines Cleaned comments.
 * @param options `share` of the lines that fit a rule, in [0, 1]; `seed` of the choice.
 * @returns The new lines alone, in the order of those they are made from.
 */
export function teachEmoji(
  lines: readonly string[],
  { share, seed }: { share: number; seed: number },
): string[] {
  const chance = uniform(seed, 0, "emoji: which line", lines.length);
  const choice = uniform(seed, 0, "emoji: which emoji", lines.length);
  return lines.flatMap((line, i) => {
    if (chance[i]! >= share) return [];
    const found = RULES.find(({ sign }) => line.search(sign) >= 0);
    if (found === undefined) return [];
    const emoji = found.emoji[Math.floor(choice[i]! * found.emoji.length)]!;
    return [found.place === "instead" ? line.replaceAll(found.sign, emoji) : `${line} ${emoji}`];
  });
}
