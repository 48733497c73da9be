/**
 * Reading a command's arguments: what is not understood is refused with the nearest name, never passed over.
 *
 * @module
 */

import { closestString, levenshteinDistance } from "@std/text";

/** One option of a command. */
export interface OptionDescription {
  /** What stands for its value in the help, `N`; an option without one is a switch. */
  readonly value?: string;
  /** What it does, a line or several. */
  readonly help: string;
}

/** Options by name, without their dashes. */
export type OptionTable = Readonly<Record<string, OptionDescription>>;

/** What was given. */
export interface Arguments<Name extends string> {
  /** Arguments that are not options, in order. */
  readonly words: readonly string[];
  /** The text of an option; undefined if it was not given or is a switch. */
  text(name: Name): string | undefined;
  /** Whether a switch was given. */
  has(name: Name): boolean;
}

/** What every command takes in place of its arguments. */
export type Asked = "help" | "version";

/** A command that was not used as it can be: it ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code that asks to try again later, as `sysexits.h` has it: another process writes where this one would. */
export const BUSY_EXIT_CODE = 75;

/**
 * The exit code of a command that failed.
 *
 * @param error The error that ended it.
 * @returns 2 if the command was used wrongly, 75 if another process is in its way, else 1.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof Deno.errors.Busy ? BUSY_EXIT_CODE : 1;
}

/** Options of every command. */
export const COMMON_OPTIONS = {
  help: { help: "this text, as -h. Of an option that is given twice the last one counts" },
  version: { help: "the version of this project and of Deno" },
} as const satisfies OptionTable;

/** What looks like an option and is a number. */
const NEGATIVE_NUMBER = /^-(\d|\.\d)/;

/**
 * Reads arguments: `--name value` or `--name=value`, switches `--name`, and words. `--` ends options. Of an option that is
 * given twice the last one counts. A value that begins with a dash and is no negative number has to follow `=`.
 *
 * @param args As the process got them.
 * @param options What is known; `help`, also as `-h`, and `version` are added.
 * @param command How the command is called, for messages: `deno task relabel`.
 * @param maxWords How many arguments may stand outside options.
 * @returns The arguments, or which of the two was asked for.
 * @throws {UsageError} If an option is unknown, lacks its value, or has one that it does not take, or words are too many.
 */
export function readArguments<Table extends OptionTable>(
  args: readonly string[],
  options: Table,
  command: string,
  maxWords: number,
): Arguments<keyof Table & string> | Asked {
  const hint = `see ${command} --help`;
  const table: OptionTable = { ...options, ...COMMON_OPTIONS };
  const words: string[] = [];
  const values = new Map<string, string>();
  for (let place = 0; place < args.length; place++) {
    const arg = args[place];
    if (arg === "--") {
      words.push(...args.slice(place + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-" || NEGATIVE_NUMBER.test(arg)) {
      words.push(arg);
      continue;
    }
    const [, dashes, given, text] = /^(--?)([^=]*)(?:=(.*))?$/s.exec(arg)!;
    const name = arg === "-h" ? "help" : given;
    if (!Object.hasOwn(table, name) || (dashes === "-" && arg !== "-h")) {
      throw new UsageError(`Unknown option ${dashes}${given}${suggestOption(name, Object.keys(table))} ${hint}`);
    }
    const { value } = table[name];
    if (value === undefined) {
      if (text !== undefined) throw new UsageError(`Option --${name} takes no value: ${hint}`);
      values.set(name, "");
      continue;
    }
    const next = text ?? args[++place] ?? "";
    if (next === "") throw new UsageError(`Option --${name} needs a value (${value}): ${hint}`);
    if (text === undefined && next.startsWith("-") && next !== "-" && !NEGATIVE_NUMBER.test(next)) {
      throw new UsageError(
        `Option --${name} needs a value (${value}), and ${next} looks like an option; if it is the value, write ` +
          `--${name}=${next}: ${hint}`,
      );
    }
    values.set(name, next);
  }
  for (const asked of ["help", "version"] as const) if (values.has(asked)) return asked;
  if (words.length > maxWords) {
    throw new UsageError(`Unexpected argument "${words[maxWords]}": ${hint}`);
  }
  return {
    words,
    text: (name) => table[name].value === undefined ? undefined : values.get(name),
    has: (name) => table[name].value === undefined && values.has(name),
  };
}

/** The option that was probably meant; a letter could be any. */
function suggestOption(name: string, names: readonly string[]): string {
  const meant = name.length > 1 ? nearest(name, names) : undefined;
  return meant === undefined ? ":" : `, did you mean --${meant}?`;
}

/**
 * Reads a count.
 *
 * @param text The option's value.
 * @param name The option's, for the message.
 * @param least The least it may be, 1 or 0.
 * @returns An integer.
 * @throws {UsageError} If it is something else.
 */
export function readCount(text: string, name: string, least: 0 | 1 = 1): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < least) {
    const expected = least === 1 ? "a positive integer" : "an integer, 0 or more";
    throw new UsageError(`Cannot use --${name} ${text}: expected ${expected}`);
  }
  return count;
}

/**
 * A number as it may be written wherever one is read: `0.03`, `.5`, `1e-3`, or a fraction, `8/255`.
 *
 * @param text The number.
 * @returns The number; NaN if the text is something else, or the number is not finite.
 */
export function parseNumber(text: string): number {
  const match = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:\/(\d+))?$/i.exec(text);
  const number = Number(match?.[1]) / Number(match?.[2] ?? 1);
  return Number.isFinite(number) ? number : NaN;
}

/**
 * Reads a number.
 *
 * @param text As {@linkcode parseNumber} takes it.
 * @param name The option's, for the message.
 * @param range The least and the most it may be, both included.
 * @param expected For the message; default by the range.
 * @returns The number.
 * @throws {UsageError} If it is something else.
 */
export function readNumber(
  text: string,
  name: string,
  [least, most]: readonly [number, number],
  expected = `a number, ${most === Infinity ? `${least} or more` : `${least} to ${most}`}`,
): number {
  const number = parseNumber(text);
  if (number >= least && number <= most) return number;
  throw new UsageError(`Cannot use --${name} ${text}: expected ${expected}`);
}

/**
 * Reads a probability.
 *
 * @param text A number from 0 to 1.
 * @param name The option's, for the message.
 * @returns The number.
 * @throws {UsageError} If it is something else.
 */
export function readProbability(text: string, name: string): number {
  return readNumber(text, name, [0, 1], "a probability, 0 to 1");
}

/**
 * The items of a list.
 *
 * @param text Items with commas, and perhaps spaces, between.
 * @returns The items, without spaces around them.
 */
export function splitList(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}

/**
 * Reads a size in pixels.
 *
 * @param text `N` for a square, or `HxW`.
 * @param name The option's, for the message.
 * @returns Height and width.
 * @throws {UsageError} If it is something else.
 */
export function readSize(text: string, name: string): readonly [height: number, width: number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(text);
  const [height, width] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  const isSize = [height, width].every((side) => side > 0 && Number.isSafeInteger(side));
  if (!isSize) throw new UsageError(`Cannot use --${name} ${text}: expected N or HxW, in pixels`);
  return [height, width];
}

/**
 * Reads one of several words.
 *
 * @param text The word.
 * @param name The option's, for the message.
 * @param choices What it may be.
 * @returns The word.
 * @throws {UsageError} If it is none of them.
 */
export function readChoice<Choice extends string>(text: string, name: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`Cannot use --${name} ${text}${suggest(text, choices, `known are ${choices.join(", ")}`)}`);
}

/**
 * The end of a message about a word that is not known: the one that was probably meant, if there is one, and what is known.
 *
 * @param word What was given.
 * @param words What it could have been.
 * @param known What the message goes on with.
 * @returns `, did you mean fp16? Known are fp32, fp16`, or `: known are fp32, fp16`.
 */
export function suggest(word: string, words: readonly string[], known: string): string {
  const meant = nearest(word, words);
  if (meant === undefined) return `: ${known}`;
  return `, did you mean ${meant}? ${known.charAt(0).toUpperCase()}${known.slice(1)}`;
}

/**
 * The word that was probably meant: one that begins with what was given, or the nearest one if no more than half of the
 * letters are others.
 *
 * @param word What was given.
 * @param words What it could have been.
 * @returns One of them, undefined if none is near.
 */
function nearest(word: string, words: readonly string[]): string | undefined {
  const longer = word.length > 1 ? words.filter((other) => other.startsWith(word)) : [];
  if (longer.length === 1) return longer[0];
  const closest = closestString(word, [...words]);
  const most = Math.floor(Math.min(word.length, closest.length) / 2);
  return levenshteinDistance(word.toLowerCase(), closest.toLowerCase()) <= most ? closest : undefined;
}
