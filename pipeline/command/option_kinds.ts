/**
 * Kinds of options: each reads its values from text, so that those of a YAML file are checked by the same rule and refused
 * with the same sentence. Options of one name are of one kind in all commands.
 *
 * @module
 */

import { BETWEEN_REPEATED, type OptionDescription, suggest, UsageError } from "./command_line.ts";

/** What a table says of an option beside its kind. */
export interface OptionStatement<Value> extends OptionDescription {
  /** Its name on the command line; default its property's, `--rows-per-file` for `rowsPerFile`. */
  readonly name?: string;
  /** What it is where nothing is said. */
  readonly default?: Value;
}

/** One option. */
export interface Option<Value = unknown> extends OptionStatement<Value> {
  /** The name of its grammar. */
  readonly kind: string;
  /** Whether it may be given several times; its text is then all of them. */
  readonly isRepeated?: boolean;
  /** What is between the items of a value that YAML has as a list; default a comma. */
  readonly separator?: string;
  /** Whether it is given by its place and not by its name. */
  readonly isWord?: boolean;
  /** Whether a command cannot do without it. */
  readonly isRequired?: boolean;
  /** Reads a value; `name` is for the message. */
  read(text: string, name: string): Value;
  /** Writes a value as `read` takes it; default its items with commas between. */
  show?(value: Value): string;
}

/** An option, of which the type says whether it always has a value. */
export type Stated<Value, Statement> =
  & Option<Value>
  & (Statement extends { readonly default: unknown } ? { readonly default: Value } : unknown)
  & (Statement extends { readonly isRequired: true } ? { readonly isRequired: true } : unknown);

/**
 * An option with a grammar of its own.
 *
 * @param kind The grammar's name.
 * @param read Reads a value; `name` is for the message.
 * @param statement What the table says of it.
 * @returns The option.
 */
export function option<Value, const Statement extends Omit<Option<Value>, "kind" | "read">>(
  kind: string,
  read: (text: string, name: string) => Value,
  statement: Statement,
): Stated<Value, Statement> {
  return { ...statement, kind, read } as unknown as Stated<Value, Statement>;
}

/**
 * An option that may be given several times.
 *
 * @param one The option as it is given once.
 * @returns An option whose values come in the order in which they were given.
 */
export function repeated<Value>(one: Option<Value>): Option<readonly Value[]> {
  const { kind, value, help, name, isHidden } = one;
  const read = (text: string, name: string) => text.split(BETWEEN_REPEATED).map((item) => one.read(item, name));
  return {
    kind,
    ...(name === undefined ? {} : { name }),
    value,
    help,
    ...(isHidden ? { isHidden } : {}),
    isRepeated: true,
    separator: BETWEEN_REPEATED,
    read,
  };
}

function refuse(name: string, text: string, expected: string): never {
  throw new UsageError(`Cannot use --${name} ${text}: expected ${expected}`);
}

/** An option that any text will do for, such as a path. */
export function text<const Statement extends OptionStatement<string> & { readonly value: string }>(
  statement: Statement,
): Stated<string, Statement> {
  return option("text", String, statement);
}

/** What is given by its place, such as a folder: `value` stands for it in the usage. */
export function word<const Statement extends Pick<Option<string>, "default" | "isRequired">>(
  value: string,
  statement?: Statement,
): Stated<string, Statement> {
  return option("text", String, { ...statement, value, help: "", isWord: true }) as unknown as Stated<
    string,
    Statement
  >;
}

/** What is given by its place after the other words, as often as one likes: `value` stands for the first in the usage. */
export function words(value: string): Option<readonly string[]> {
  const { kind, read, separator } = repeated(text({ value, help: "" }));
  return { kind, read, separator, value: `${value} ...`, help: "", isWord: true, isRepeated: true };
}

/** On or off, and off unless given; in YAML `true` or `false`. */
export function flag(statement: Omit<OptionStatement<boolean>, "value">): Stated<boolean, { default: false }> {
  const read = (text: string, name: string) =>
    text === "true" || text === "false" ? text === "true" : refuse(name, text, "true or false");
  return option("flag", read, { default: false, ...statement });
}

/** A whole number from `least` (1 unless said otherwise) to `most`. */
export function count<
  const Statement extends OptionStatement<number> & { readonly least?: 0 | 1; readonly most?: number },
>(statement: Statement): Stated<number, Statement> {
  const { least = 1, most = Infinity } = statement;
  const read = (text: string, name: string): number => {
    const count = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(count) || count < least) {
      refuse(name, text, least === 1 ? "a positive integer" : "an integer, 0 or more");
    }
    return count <= most ? count : refuse(name, text, `${least} to ${most}`);
  };
  return option("count", read, { value: "N", ...statement });
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

/** A number; both ends of the range are included, and `expected` is for the message. */
export function number<
  const Statement extends OptionStatement<number> & {
    readonly value: string;
    readonly range: readonly [least: number, most: number];
    readonly expected?: string;
  },
>(statement: Statement): Stated<number, Statement> {
  const { range: [least, most] } = statement;
  const { expected = `a number, ${most === Infinity ? `${least} or more` : `${least} to ${most}`}` } = statement;
  const read = (text: string, name: string): number => {
    const number = parseNumber(text);
    return number >= least && number <= most ? number : refuse(name, text, expected);
  };
  return option("number", read, statement);
}

/** Two or three numbers with commas between, none negative. */
export function numbers<
  Length extends 2 | 3,
  Value extends Length extends 2 ? readonly [number, number] : readonly [number, number, number],
  const Statement extends OptionStatement<Value> & { readonly value: string },
>(length: Length, statement: Statement): Stated<Value, Statement> {
  const read = (text: string, name: string): Value => {
    const parts = splitList(text).map(parseNumber);
    const isRight = parts.length === length && parts.every((part) => part >= 0);
    return isRight ? parts as unknown as Value : refuse(name, text, `${length} numbers with commas between`);
  };
  return option("numbers", read, statement);
}

/** Pixels, or `unit`, `224` for a square or `224x448`, height first. */
export function size<
  const Statement extends OptionStatement<readonly [number, number]> & { readonly unit?: "pixels" | "cells" },
>(
  statement: Statement,
): Stated<readonly [height: number, width: number], Statement> {
  const read = (text: string, name: string): readonly [number, number] => {
    const match = /^(\d+)(?:x(\d+))?$/.exec(text);
    const [height, width] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    const isSize = [height, width].every((side) => side > 0 && Number.isSafeInteger(side));
    return isSize ? [height, width] : refuse(name, text, `N or HxW, in ${statement.unit ?? "pixels"}`);
  };
  const show = ([height, width]: readonly [number, number]) => height === width ? `${height}` : `${height}x${width}`;
  return option("size", read, { value: "N|HxW", separator: "x", show, ...statement });
}

function readChoice<Choice extends string>(text: string, name: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((choice) => choice === text);
  if (choice !== undefined) return choice;
  throw new UsageError(`Cannot use --${name} ${text}${suggest(text, choices, `known are ${choices.join(", ")}`)}`);
}

/** One of several words. */
export function choice<
  const Choice extends string,
  const Statement extends OptionStatement<Choice> & { readonly value: string },
>(choices: readonly Choice[], statement: Statement): Stated<Choice, Statement> {
  return option("choice", (text, name) => readChoice(text, name, choices), statement);
}

/** Some of several words, with commas between, in the order in which the table has them. */
export function choices<const Choice extends string, const Statement extends OptionStatement<readonly Choice[]>>(
  choices: readonly Choice[],
  statement: Statement,
): Stated<readonly Choice[], Statement> {
  const read = (text: string, name: string): readonly Choice[] => {
    const wanted = splitList(text).map((word) => readChoice(word, name, choices));
    return choices.filter((choice) => wanted.includes(choice));
  };
  return option("choices", read, { value: "LIST", ...statement });
}

/** The items of a list: commas, and perhaps spaces, are between. */
function splitList(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}
