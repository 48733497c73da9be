/**
 * How far a run is, on standard error: one line that is rewritten on a terminal, a line every so often in a log.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";
import type { DownloadProgress } from "../../formats/weights/mod.ts";
import { formatCount, formatDuration, formatNumberOf } from "./numbers.ts";

/** How far a run is. */
export interface WriteProgress {
  /** Images that have a row or were rejected, with those of earlier runs. */
  readonly done: number;
  /** How many of these earlier runs did. */
  readonly before: number;
  /** Images that this process is to label, with those of earlier runs. */
  readonly total: number;
  /** Images without a row, with those of earlier runs. */
  readonly rejected: number;
}

/** Where progress is shown. */
export interface Progress {
  /** Shows how far a run is. */
  update(progress: WriteProgress): void;
  /** Shows how far a download is. */
  download(progress: DownloadProgress): void;
  /** Shows a state that is told in another way; the last one is shown in any case. */
  show(line: string, isLast: boolean): void;
  /** Prints a line that stays. */
  print(line: string): void;
  /** Ends the line that is rewritten. */
  end(): void;
}

/** Progress of a process that shows none, since another one does. */
export const silentProgress: Progress = { update() {}, download() {}, show() {}, print() {}, end() {} };

/** What progress is written to. */
export interface ProgressStream {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Milliseconds, from any start. */
  now(): number;
}

/** Milliseconds between two states, on a terminal and in a log. */
const INTERVAL = { terminal: 100, log: 30_000 } as const;

const encoder = new TextEncoder();

const standardError: ProgressStream = {
  write: (text) => void Deno.stderr.writeSync(encoder.encode(text)),
  isTerminal: Deno.stderr.isTerminal(),
  now: () => performance.now(),
};

/**
 * Shows progress.
 *
 * @param stream Where; default standard error.
 * @returns What to tell it.
 */
export function showProgress(stream: ProgressStream = standardError): Progress {
  const interval = stream.isTerminal ? INTERVAL.terminal : INTERVAL.log;
  let started: number | undefined;
  let last = stream.now();
  let isLineOpen = false;

  function show(line: string, isLast: boolean): void {
    const now = stream.now();
    if (now - last < interval && !isLast) return;
    last = now;
    if (!stream.isTerminal) return stream.write(`${printable(line)}\n`);
    stream.write(`\r\x1b[2K${printable(line).slice(0, columns() - 1)}`);
    isLineOpen = true;
  }

  function end(): void {
    if (isLineOpen) stream.write("\r\x1b[2K");
    isLineOpen = false;
  }

  return {
    update(progress) {
      started ??= stream.now();
      const isLast = progress.done === progress.total && progress.done > progress.before;
      show(progressLine(progress, (stream.now() - started) / 1000), isLast);
    },
    download({ file, received, total }) {
      const percent = Math.floor(received / Math.max(total, 1) * 100);
      show(`${file}: ${megabytes(received)} of ${megabytes(total)} MB (${percent} %)`, received === total);
    },
    show,
    print(line) {
      end();
      stream.write(`${printable(line)}\n`);
    },
    end,
  };
}

/**
 * A run's state as a line: images, images per second, time left, and rejected images if there are any.
 *
 * @param progress The state.
 * @param seconds Since the run started; images of earlier runs do not count for its speed.
 * @returns `1,200/50,000 images  81.3 images/s  10 min 0 s left  2 rejected`.
 */
export function progressLine({ done, before, total, rejected }: WriteProgress, seconds: number): string {
  const speed = seconds > 0 ? (done - before) / seconds : 0;
  const parts = [`${formatCount(done)}/${formatNumberOf(total, "image")}`];
  if (speed > 0) {
    parts.push(`${speed.toFixed(1)} images/s`);
    if (done < total) parts.push(`${formatDuration((total - done) / speed)} left`);
  }
  if (rejected > 0) parts.push(`${formatCount(rejected)} rejected`);
  return parts.join("  ");
}

/**
 * What is said of work that a signal stopped.
 *
 * @param progress What was done of it.
 * @param folder Where it goes on.
 * @returns The sentence.
 */
export function stopLine({ done, total }: Pick<WriteProgress, "done" | "total">, folder: string): string {
  return `Stopped: ${formatCount(done)} of ${formatNumberOf(total, "image")} ${done === 1 ? "was" : "were"} done, ` +
    `the same command goes on in "${folder}"`;
}

/**
 * How long work took, as a line of a summary.
 *
 * @param progress What was done of it, and what of that was there before.
 * @param seconds How long it took.
 * @returns The line.
 */
export function timeLine({ done, before }: Pick<WriteProgress, "done" | "before">, seconds: number): string {
  const written = done - before;
  const time = written === 0
    ? "nothing was left to do"
    : `${formatDuration(seconds)}, ${Math.round(written / Math.max(seconds, 1e-3))} images/s`;
  const earlier = before > 0 ? `; ${formatCount(before)} ${before === 1 ? "was" : "were"} there from before` : "";
  return `  time       ${time}${earlier}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Columns of the terminal, where they can be known; a terminal of none is one that does not say. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}
