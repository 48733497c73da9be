/**
 * The log of a training as lines of JSON that other programs follow: its settings, losses every so many steps, and each
 * epoch.
 *
 * | `event` | fields |
 * | --- | --- |
 * | `start` | `run`, the run's folder; `settings` that its result depends on, named as options |
 * | `step` | `epoch`, `step` within it, `global_step` from the beginning; `loss` of the step's batch; `mean_loss` of the epoch so far; `learning_rate` |
 * | `epoch` | `epoch`, `global_step` of its last step, `train_loss`, the mean of its steps, `learning_rate`; where it was evaluated `eval_loss` and `eval_top1`, `eval_top5`, or `eval_map`, `eval_cf1`, `eval_of1`, percent |
 * | `end` | nothing: the training is done |
 *
 * All count from 0. A training that goes on takes back what it will do again: a log is that of an uninterrupted one, byte
 * for byte.
 *
 * @module
 */

import { resolve } from "@std/path";
import { readIfThere, withSubject, writeAll } from "../../formats/base/files.ts";
import { type EpochSummary, measuresOf } from "./summary_file.ts";

/** A step, as its line has it. */
export interface LoggedStep {
  readonly epoch: number;
  readonly step: number;
  readonly globalStep: number;
  readonly loss: number;
  readonly meanLoss: number;
  readonly learningRate: number;
}

/** A log that is open. */
export interface TrainingLog {
  /** Writes a line of a step, if one is due. */
  step(step: LoggedStep): void;
  /** Writes the line of an epoch. */
  epoch(summary: EpochSummary, globalStep: number): void;
  /** Writes that the training is done. */
  end(): void;
  /** Waits until all lines are on disk, before a checkpoint says that they are. */
  sync(): void;
  close(): void;
}

/** What a log is of. */
export interface LogSettings {
  /** The file. */
  readonly path: string;
  /** The run's folder, as the user named it. */
  readonly run: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Steps from one line to the next. */
  readonly every: number;
  /** Where the training begins or goes on: all before it is done. */
  readonly start: { readonly epoch: number; readonly globalStep: number };
}

/**
 * Opens a log, and takes back what it says of steps that are still to be done.
 *
 * @param log What it is of.
 * @returns The log; close it.
 * @throws {TypeError} If the file is something else, or the log of another run.
 * @throws {Error} If it cannot be written.
 */
export function openTrainingLog({ path, run, settings, every, start }: LogSettings): TrainingLog {
  const subject = `Cannot log to "${path}"`;
  const before = withSubject(subject, () => readIfThere(path)) ?? "";
  const kept = keptLines(before, { subject, run, start }).map((line) => `${line}\n`).join("");
  // In place: a program that follows the file goes on.
  const file = withSubject(subject, () => Deno.openSync(path, { append: true, create: true }));
  const encoder = new TextEncoder();
  withSubject(subject, () => file.truncateSync(encoder.encode(kept).length));

  // Each by one call, so that who follows the file reads whole lines.
  function append(line: Readonly<Record<string, unknown>>): void {
    withSubject(subject, () => writeAll(file, encoder.encode(`${JSON.stringify(line)}\n`)));
  }

  if (kept === "") append({ event: "start", run, settings });
  return {
    step({ epoch, step, globalStep, loss, meanLoss, learningRate }) {
      if ((globalStep + 1) % every > 0) return;
      const numbers = { loss, "mean_loss": meanLoss, "learning_rate": learningRate };
      append({ event: "step", epoch, step, "global_step": globalStep, ...numbers });
    },
    epoch({ epoch, trainLoss, learningRate, evaluation }, globalStep) {
      const measures = evaluation && {
        "eval_loss": evaluation.loss,
        ...Object.fromEntries(measuresOf(evaluation).map(({ name, percent }) => [`eval_${name}`, percent])),
      };
      const numbers = { "train_loss": trainLoss, "learning_rate": learningRate, ...measures };
      append({ event: "epoch", epoch, "global_step": globalStep, ...numbers });
    },
    end: () => append({ event: "end" }),
    sync: () => withSubject(subject, () => file.syncSync()),
    close: () => file.close(),
  };
}

/** The lines of a log that stay: those of what is done. What a power cut left of a line goes. */
function keptLines(
  text: string,
  { subject, run, start }: Pick<LogSettings, "run" | "start"> & { readonly subject: string },
): string[] {
  if (text === "") return [];
  const [first, ...lines] = text.split("\n").slice(0, -1);
  const head = parseLine(first);
  if (head?.event !== "start") throw new TypeError(`${subject}: it is there, and not the log of a training`);
  // A run's folder may be elsewhere by now.
  if (start.globalStep === 0 && resolve(String(head.run)) !== resolve(run)) {
    throw new TypeError(`${subject}: it is the log of the run "${head.run}"; choose another --log`);
  }
  const end = lines.findIndex((line) => !isDone(parseLine(line), start));
  return [first, ...end < 0 ? lines : lines.slice(0, end)];
}

function isDone(line: Record<string, unknown> | undefined, start: LogSettings["start"]): boolean {
  if (line?.event === "step") return Number(line.global_step) < start.globalStep;
  return line?.event === "epoch" && Number(line.epoch) < start.epoch;
}

function parseLine(line = ""): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(line));
  } catch {
    return undefined;
  }
}
