import process from "node:process";
import { localized } from "./locale/translate.ts";

/** What a command does at the moment, shown on standard error. */
export interface Progress {
  /** Add to what is done, in the progress' unit. */
  readonly advance: (amount: number) => void;
  /** Replace the words behind the figures. */
  readonly note: (text: string) => void;
  /** Take the bar away. */
  readonly done: () => void;
}

/** How progress is shown. */
export interface ProgressOptions {
  /** What is being done: `Cleaning`. */
  readonly title: string;
  /** What there is to do, if it is known. */
  readonly total?: number | undefined;
  /** How an amount is written: bytes by default. */
  readonly format?: (amount: number) => string;
  /** Show nothing at all. */
  readonly quiet?: boolean | undefined;
  /** Where to show it; standard error by default. */
  readonly stream?: ProgressStream;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** The part of a stream that progress needs. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Show progress: on a terminal a bar with share, rate and time left, redrawn up to ten times a second; elsewhere (a log
 * file) a plain line after ten seconds and then ever less often, at most every minute.
 */
export function startProgress({
  title,
  total,
  format = formatBytes,
  quiet = false,
  stream = process.stderr,
  now = () => performance.now(),
}: ProgressOptions): Progress {
  if (quiet) return SILENT;
  const start = now();
  const bar = stream.isTTY === true;
  let amount = 0;
  let text = "";
  let due = bar ? 100 : 10_000;
  const draw = (elapsed: number) => {
    const figures = describe({ title, amount, total, elapsed, format, bar }) + text;
    stream.write(bar ? `\r${figures.slice(0, (stream.columns ?? 80) - 1)}\u001B[K` : `${figures}\n`);
    due = bar ? elapsed + 100 : elapsed + Math.min(60_000, elapsed);
  };
  const tick = () => {
    const elapsed = now() - start;
    if (elapsed >= due) draw(elapsed);
  };
  return {
    advance(more) {
      amount += more;
      tick();
    },
    note(words) {
      text = words === "" ? "" : `, ${localized(words)}`;
      tick();
    },
    done() {
      if (bar) stream.write("\r\u001B[K");
    },
  };
}

/** Bytes for people: `61.9 MB`, in powers of ten. */
export function formatBytes(bytes: number): string {
  const unit = BYTE_UNITS.findLast(({ size }) => bytes >= size);
  return unit === undefined ? `${Math.round(bytes)} B` : `${(bytes / unit.size).toFixed(1)} ${unit.name}`;
}

/** A duration for people: `0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (Math.round(seconds) < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** How far a run was at some time: a share in [0, 1], and milliseconds since this session of it began. */
export interface Moment {
  readonly progress: number;
  readonly elapsedMs: number;
}

/** How long a run still takes, from the pace of this session, not of those before it: `3 min 05 s left`. */
export function timeLeft({ progress, elapsedMs }: Moment, begun: Moment): string {
  const done = progress - begun.progress;
  if (done <= 0) return "unknown time left";
  return `${formatDuration(((elapsedMs - begun.elapsedMs) / done) * (1 - progress))} left`;
}

// --- internal ---

const BAR_WIDTH = 16; // with the figures it fits into 80 columns

const BYTE_UNITS = [
  { size: 1e3, name: "kB" },
  { size: 1e6, name: "MB" },
  { size: 1e9, name: "GB" },
  { size: 1e12, name: "TB" },
];

const SILENT: Progress = { advance() {}, note() {}, done() {} };

interface Figures {
  readonly title: string;
  readonly amount: number;
  readonly total: number | undefined;
  readonly elapsed: number;
  readonly format: (amount: number) => string;
  readonly bar: boolean;
}

function describe({ title, amount, total, elapsed, format, bar }: Figures): string {
  const rate = localized(`${format((amount / elapsed) * 1000)}/s`);
  const name = localized(title);
  if (total === undefined || total === 0) return `${name} ${localized(format(amount))}, ${rate}`;
  const share = Math.min(1, amount / total);
  const left = share > 0 ? formatDuration((elapsed / share) * (1 - share)) : "unknown";
  const drawn = bar ? `${drawBar(share)} ` : "";
  const done = localized(`${Math.floor(share * 100)} % of ${format(total)}`);
  return `${name} ${drawn}${done}, ${rate}, ${localized(`${left} left`)}`;
}

function drawBar(share: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  return `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
}
