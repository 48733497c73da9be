/**
 * Options, each stated once: a command's table says of what kind an option is, what it is where nothing is said and what it
 * does. The type of what was asked for, its reader, its errors and `--help` follow from the table.
 *
 * @module
 */

import { asStarted, calledAs } from "./called_as.ts";
import { type Asked, BETWEEN_REPEATED, COMMON_OPTIONS, readArguments, UsageError } from "./command_line.ts";
import type { Option } from "./option_kinds.ts";

/** Options by property, in the order of the help. */
export type OptionTable = Readonly<Record<string, Option>>;

type ValueOf<Stated> = Stated extends Option<infer Value> ? Value : never;

/** What always has a value. */
type Certain = { readonly default: unknown } | { readonly isRequired: true };

type CertainName<Table> = { [Name in keyof Table]: Table[Name] extends Certain ? Name : never }[keyof Table];

/** What was given of a table's options. */
export type GivenOf<Table> = { readonly [Name in keyof Table]?: ValueOf<Table[Name]> };

/** A table's options with their defaults: what has neither is undefined. */
export type OptionsOf<Table> =
  & { readonly [Name in CertainName<Table>]: ValueOf<Table[Name]> }
  & { readonly [Name in Exclude<keyof Table, CertainName<Table>>]?: ValueOf<Table[Name]> };

/** An option's name on the command line: `--rows-per-file` is `rowsPerFile`. */
export function optionName(property: string, option?: Pick<Option, "name">): string {
  return option?.name ?? property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Whether the help has a line for it. */
function isListed([, { isWord, isHidden }]: [property: string, Option]): boolean {
  return !isWord && !isHidden;
}

/**
 * The options of a command as help text, a line or more each.
 *
 * @param table What is known.
 * @returns Lines indented by two spaces, their texts in one column.
 */
export function formatOptions(table: OptionTable): string {
  const stated = Object.entries(table).filter(isListed).map(([property, option]) => {
    const { value } = option;
    return [`--${optionName(property, option)}${value ? ` ${value}` : ""}`, helpOf(option)];
  });
  const lines = [...stated, ...Object.entries(COMMON_OPTIONS).map(([name, { help }]) => [`--${name}`, help])];
  const width = Math.max(...lines.map(([head]) => head.length)) + 2;
  return lines
    .map(([head, help]) => `  ${head.padEnd(width)}${help.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`)
    .join("\n");
}

/** What an option does, and its default. */
function helpOf({ kind, help, default: value, show = (value) => [value].flat().join() }: Option): string {
  if (value === undefined || kind === "flag") return help;
  const stated = /default/i.test(help) ? help : help === "" ? "default {default}" : `${help}; default {default}`;
  return stated.replaceAll("{default}", show(value));
}

/**
 * Reads arguments as texts.
 *
 * @param table What is known.
 * @param args The arguments as the process got them.
 * @param name What the command is called after `deno task`, for messages.
 * @returns The text of each option that was given, `true` for a flag; or which of help and version was asked for.
 * @throws {UsageError} If an option is unknown, lacks its value, or has one that it does not take, or words are too many.
 */
export function readTexts<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
  name: string,
): { readonly [Property in keyof Table]?: string } | Asked {
  const words = Object.entries(table).filter(([, { isWord }]) => isWord);
  const named = Object.entries(table).filter(([, { isWord }]) => !isWord)
    .map(([property, option]) => ({ property, option, name: optionName(property, option) }));
  const known = Object.fromEntries(named.map(({ name, option }) => [name, option]));
  const mostWords = words.some(([, { isRepeated }]) => isRepeated) ? Infinity : words.length;
  const found = readArguments(args, known, calledAs(name), mostWords);
  if (typeof found === "string") return found;
  const texts = [
    ...words.map(([property, { isRepeated }], place) => {
      const others = found.words.slice(place);
      return [property, isRepeated && others.length > 0 ? others.join(BETWEEN_REPEATED) : others[0]];
    }),
    ...named.map(({ property, name }) => [property, found.has(name) ? "true" : found.text(name)]),
  ];
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined));
}

/**
 * Reads values.
 *
 * @param table What is known.
 * @param texts Texts of some of them, from {@linkcode readTexts}.
 * @returns The options' values, by property.
 * @throws {UsageError} If a value is not one that its option can have.
 */
export function readValues<Table extends OptionTable>(
  table: Table,
  texts: { readonly [Property in keyof Table]?: string },
): GivenOf<Table> {
  const given = Object.entries(texts).filter(([, text]) => text !== undefined)
    .map(([property, text]) => [property, table[property].read(text!, optionName(property, table[property]))]);
  return Object.fromEntries(given);
}

/**
 * The defaults of those options that have one.
 *
 * @param table What is known.
 * @returns All properties; what has no default is undefined.
 */
export function defaultsOf<Table extends OptionTable>(table: Table): OptionsOf<Table> {
  const defaults = Object.entries(table).map(([property, option]) => [property, option.default]);
  return Object.fromEntries(defaults);
}

/** A command: what it is called, how its arguments are read, and its help. */
export interface Command<Options> {
  /** What follows `deno task`: `relabel`, `cluster join`. */
  readonly name: string;
  /** How it is used, a line a way, without `deno task`. */
  readonly usage: readonly string[];
  readonly options: OptionTable;
  /** Command lines, `deno task` among them. */
  readonly examples: readonly string[];
  /** The text that `--help` prints. */
  readonly help: string;
  /**
   * Reads its arguments.
   *
   * @param args The arguments as the process got them.
   * @returns What was asked for.
   * @throws {UsageError} If an option is unknown, its value is not one that it can have, or options do not go together.
   */
  read(args: readonly string[]): Options | Asked;
}

/** What a command takes. */
export type OptionsOfCommand<Stated> = Stated extends Command<infer Options> ? Options : never;

/** What there is to say of a command. */
export interface CommandStatement<Table> {
  readonly name: string;
  /** The first line of its help. */
  readonly title: string;
  /** How it is used, a line a way, without `deno task`; default its name, its words and `[options]`. */
  readonly usage?: readonly string[];
  /** What it does, for the help. */
  readonly about: string;
  readonly options: Table;
  /** What the help says after the options. */
  readonly notes?: string;
  readonly examples?: readonly string[];
}

/**
 * Defines a command by its table.
 *
 * @param statement What there is to say of it; `resolve` makes of its options what the command works with, and refuses those
 *   that do not go together. It is told which of them were given.
 * @returns The command.
 */
export function defineCommand<const Table extends OptionTable, Options = OptionsOf<Table>>(
  { resolve, ...statement }: CommandStatement<Table> & {
    resolve?(options: OptionsOf<Table>, given: GivenOf<Table>): Options;
  },
): Command<Options> {
  const { name, options: table } = statement;
  return {
    ...describeCommand(statement),
    read(args) {
      const texts = readTexts(table, args, name);
      if (typeof texts === "string") return texts;
      const missing = Object.entries(table).filter(([property, { isRequired }]) => isRequired && !(property in texts));
      if (missing.length > 0) {
        throw new UsageError(
          `Expected ${missing.map(([, { value }]) => value).join(" ")}: see ${calledAs(name)} --help`,
        );
      }
      const given = readValues(table, texts);
      const options = { ...defaultsOf(table), ...given };
      return resolve ? resolve(options, given) : options as Options;
    },
  };
}

/**
 * Describes a command, without how its arguments are read.
 *
 * @param statement What there is to say of it.
 * @returns Its name, its use, its options and its help.
 */
export function describeCommand<Table extends OptionTable>(
  { name, title, usage, about, options, notes, examples = [] }: CommandStatement<Table>,
): Omit<Command<unknown>, "read"> {
  const words = Object.values<Option>(options).filter(({ isWord }) => isWord)
    .map(({ value, isRequired }) => isRequired ? value : `[${value}]`);
  const ways = usage ?? [[name, ...words, ...(Object.values(options).length > 0 ? ["[options]"] : [])].join(" ")];
  const parts = [
    title,
    ways.map((way, index) => `${index === 0 ? "Usage: " : "       "}deno task ${way}`).join("\n"),
    about,
    `Options\n${formatOptions(options)}`,
    notes,
    examples.length > 0 ? `Examples\n${examples.map((example) => `  ${example}`).join("\n")}` : undefined,
  ];
  const help = asStarted(parts.filter((part) => part !== undefined).join("\n\n"));
  return { name, usage: ways, options, examples, help };
}
