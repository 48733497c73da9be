/**
 * Reading a command's arguments: what is not understood is refused with the nearest name, never passed over.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { closestString } from "@std/text";

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

/** A command that was not used as it can be: it ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code that asks to try again later, as `sysexits.h` has it: another process writes where this one would. */
export const BUSY_EXIT_CODE = 75;

/**
 * The exit code of a command that failed.
 *
 * @param error Why.
 * @returns 2 if the command was used wrongly, 75 if another process is in its way, else 1.
 */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof Deno.errors.Busy ? BUSY_EXIT_CODE : 1;
}

/**
 * Reads arguments.
 *
 * @param args As the process got them.
 * @param options What is known; `help` is added.
 * @param command For messages: `deno task relabel`.
 * @param maxWords How many arguments may stand outside options.
 * @returns The arguments.
 * @throws {UsageError} If an option is unknown, lacks its value, or has one that it does not take, or words are too many.
 */
export function readArguments<Table extends OptionTable>(
  args: readonly string[],
  options: Table,
  command: string,
  maxWords: number,
): Arguments<(keyof Table & string) | "help"> {
  const hint = `see ${command} --help`;
  const names = [...Object.keys(options), "help"];
  const switches = names.filter((name) => options[name]?.value === undefined);
  for (const name of switches) {
    if (args.some((arg) => arg.startsWith(`--${name}=`))) {
      throw new UsageError(`Option --${name} takes no value: ${hint}`);
    }
  }
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: switches,
    string: [...names.filter((name) => !switches.includes(name)), "_"],
    unknown: (arg: string, key?: string) => {
      if (key === undefined) return true;
      const name = arg.replace(/^-+/, "").replace(/=.*$/s, "");
      throw new UsageError(
        `Unknown option ${arg.replace(/=.*$/s, "")}, did you mean --${nearest(name, names)}? ${hint}`,
      );
    },
  });
  const words = (parsed._ as unknown[]).map(String);
  if (words.length > maxWords) {
    throw new UsageError(`Unexpected argument "${words[maxWords]}": ${hint}`);
  }
  for (const name of names) {
    const isGiven = args.some((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
    if (isGiven && parsed[name] === "") {
      throw new UsageError(`Option --${name} needs a value (${options[name].value}): ${hint}`);
    }
  }
  return {
    words,
    text: (name) => parsed[name] as string | undefined,
    has: (name) => parsed[name] === true,
  };
}

/**
 * The options of a command as help text, a line or more each.
 *
 * @param options What is known.
 * @returns Lines indented by two spaces, their texts in one column.
 */
export function formatOptions(options: OptionTable): string {
  const all: OptionTable = { ...options, help: { help: "this text" } };
  const heads = Object.entries(all).map(([name, { value }]) => `--${name}${value ? ` ${value}` : ""}`);
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return Object.values(all)
    .map(({ help }, index) => `  ${heads[index].padEnd(width)}${help.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`)
    .join("\n");
}

/**
 * Reads a count.
 *
 * @param text Its digits.
 * @param name The option's, for the message.
 * @param least The least it may be, 1 or 0.
 * @returns An integer.
 * @throws {UsageError} If it is something else.
 */
export function readCount(text: string, name: string, least: 0 | 1 = 1): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < least) {
    throw new UsageError(`Cannot use --${name} ${text}: expected ${least === 1 ? "a positive integer" : "0 or more"}`);
  }
  return count;
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
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new UsageError(`Cannot use --${name} ${text}: expected a probability, 0 to 1`);
  return value;
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
  if (!(height > 0 && width > 0)) throw new UsageError(`Cannot use --${name} ${text}: expected N or HxW, in pixels`);
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
  throw new UsageError(
    `Cannot use --${name} ${text}, did you mean ${nearest(text, choices)}? Known are ${choices.join(", ")}`,
  );
}

/** The word that was probably meant. */
export function nearest(word: string, words: readonly string[]): string {
  return closestString(word, [...words]);
}
