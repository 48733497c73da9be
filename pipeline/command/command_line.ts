/**
 * Reading a command's arguments: what is not understood is refused with the nearest name, never passed over.
 *
 * @module
 */

import { closestString, levenshteinDistance } from "@std/text";

/** What is to be known of an option to find it among arguments. */
export interface OptionDescription {
  /** What stands for its value in the help, `N`; an option without one is a switch. */
  readonly value?: string;
  /** What it does, a line or several. */
  readonly help: string;
  /** Whether it is known and not suggested. */
  readonly isHidden?: boolean;
  /** Whether it may be given several times: its text is then all of them, {@linkcode BETWEEN_REPEATED} between. */
  readonly isRepeated?: boolean;
}

/** What no argument can hold. */
export const BETWEEN_REPEATED = "\0";

/** Options by name, without their dashes. */
type DescribedOptions = Readonly<Record<string, OptionDescription>>;

/** The arguments that were given. */
interface Arguments<Name extends string> {
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
} as const satisfies DescribedOptions;

/** What looks like an option and is a number. */
const NEGATIVE_NUMBER = /^-(\d|\.\d)/;

/**
 * Reads arguments: `--name value` or `--name=value`, switches `--name`, and words. `--` ends options. Of an option that is
 * given twice, and may not be, the last one counts. A value that begins with a dash and is no negative number has to follow `=`.
 *
 * @param args The arguments as the process got them.
 * @param options What is known; `help`, also as `-h`, and `version` are added.
 * @param command How the command is called, for messages: `deno task relabel`.
 * @param maxWords How many arguments may stand outside options.
 * @returns The arguments, or which of the two was asked for.
 * @throws {UsageError} If an option is unknown, lacks its value, or has one that it does not take, or words are too many.
 */
export function readArguments<Table extends DescribedOptions>(
  args: readonly string[],
  options: Table,
  command: string,
  maxWords: number,
): Arguments<keyof Table & string> | Asked {
  const hint = `see ${command} --help`;
  const table: DescribedOptions = { ...options, ...COMMON_OPTIONS };
  const shown = Object.keys(table).filter((name) => !table[name].isHidden);
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
      throw new UsageError(`Unknown option ${dashes}${given}${suggestOption(name, shown)} ${hint}`);
    }
    const { value, isRepeated } = table[name];
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
    const before = isRepeated ? values.get(name) : undefined;
    values.set(name, before === undefined ? next : `${before}${BETWEEN_REPEATED}${next}`);
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
