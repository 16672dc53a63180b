import process from "node:process";
import { stripVTControlCharacters, styleText } from "node:util";

/** A stream as far as colours are concerned. */
export interface Screen {
  readonly isTTY?: boolean;
}

/**
 * Whether colours may be written: on a terminal, unless `NO_COLOR` is set to anything or `TERM` is `dumb`;
 * `FORCE_COLOR` (other than 0) allows them everywhere. See https://no-color.org.
 */
export function hasColour(screen: Screen, environment: NodeJS.ProcessEnv = process.env): boolean {
  if (environment.NO_COLOR !== undefined && environment.NO_COLOR !== "") return false;
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined && forced !== "" && forced !== "0") return true;
  return screen.isTTY === true && environment.TERM !== "dumb";
}

/** Text in a style where colours may be written, plain where they may not; a file is no screen at all. */
export function styled(style: Parameters<typeof styleText>[0], text: string, screen?: Screen): string {
  return screen !== undefined && hasColour(screen) ? styleText(style, text, { validateStream: false }) : text;
}

/** Text that was made with colours, without them where they may not be written. */
export function fitting(text: string, screen: Screen): string {
  return hasColour(screen) ? text : stripVTControlCharacters(text);
}

/** A text followed by as many spaces as fill `columns` of a terminal, where Hangul and emoji take two. */
export function padToWidth(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

// --- internal ---

function displayWidth(text: string): number {
  let columns = 0;
  for (const character of text) columns += characterWidth(character);
  return columns;
}

function characterWidth(character: string): number {
  if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) return 0;
  return /[\p{Script=Hangul}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303F\uFF01-\uFF60]/u.test(
    character,
  )
    ? 2
    : 1;
}
