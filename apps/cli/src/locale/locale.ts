import process from "node:process";

/** The languages that this program speaks. */
export type Locale = "en" | "ko";

/**
 * The language that messages are in, as POSIX has it: `LC_ALL`, else `LC_MESSAGES`, else `LANG`. Where none is set, as on
 * Windows and for programs started from a desktop, it is the system's.
 */
export function localeOf(environment: NodeJS.ProcessEnv = process.env): Locale {
  const { LC_ALL, LC_MESSAGES, LANG } = environment;
  const named = [LC_ALL, LC_MESSAGES, LANG].find((value) => value !== undefined && value !== "");
  const language = named ?? new Intl.DateTimeFormat().resolvedOptions().locale;
  return /^ko(?:$|[-_.@])/i.test(language) ? "ko" : "en";
}
