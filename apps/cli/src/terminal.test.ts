import { expect, test } from "vitest";
import { hasColour, padToWidth } from "./terminal.ts";

test("hasColour() follows NO_COLOR, FORCE_COLOR and TERM", () => {
  expect(hasColour({ isTTY: true }, {})).toBe(true);
  expect(hasColour({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
  expect(hasColour({ isTTY: true }, { NO_COLOR: "yes" })).toBe(false);
  expect(hasColour({ isTTY: true }, { TERM: "dumb" })).toBe(false);
  expect(hasColour({}, {})).toBe(false);
  expect(hasColour({}, { FORCE_COLOR: "1" })).toBe(true);
  expect(hasColour({}, { FORCE_COLOR: "0" })).toBe(false);
  expect(hasColour({}, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
});

test("padToWidth() counts Hangul and emoji as two columns, joiners as none", () => {
  expect(padToWidth("재밌다", 8)).toBe("재밌다  ");
  expect(padToWidth("##ab", 8)).toBe("##ab    ");
  expect(padToWidth("😂", 4)).toBe("😂  ");
  expect(padToWidth("e\u0301", 3)).toBe("e\u0301  ");
  expect(padToWidth("너무너무너무", 4)).toBe("너무너무너무");
});
