/**
 * Options, each stated once: a command's table says how an option is read, what it is where nothing is said and what it
 * does. The type of what was asked for, its reader, its errors and `--help` follow from the table. Kinds of values read text,
 * so that a YAML file's are checked by the same rule and refused with the same sentence.
 *
 * @module
 */

import {
  type Asked,
  COMMON_OPTIONS,
  parseNumber,
  readArguments,
  readChoice,
  readCount,
  readNumber,
  readSize,
  splitList,
  UsageError,
} from "./command_line.ts";

/** What a table says of an option beside its kind. */
export interface OptionStatement<Value> {
  /** Its name on the command line; default its property's, `--rows-per-file` for `rowsPerFile`. */
  readonly name?: string;
  /** What stands for its value in the help; default by its kind. */
  readonly value?: string;
  /** What it does, a line or several; `{default}` stands for its default. */
  readonly help: string;
  /** What it is where nothing is said. */
  readonly default?: Value;
  /** Whether the help passes over it. */
  readonly isHidden?: boolean;
}

/** One option. */
export interface Option<Value = unknown> extends OptionStatement<Value> {
  /** The grammar of its values: options of one name have one grammar in all commands. */
  readonly kind: string;
  /** What is between the items of a value that YAML has as a list; default a comma. */
  readonly separator?: string;
  /** Whether it is given by its place and not by its name. */
  readonly isWord?: boolean;
  /** Whether a command cannot do without it. */
  readonly isRequired?: boolean;
  /** Reads a value; `name` is for the message. */
  read(text: string, name: string): Value;
  /** Writes a value as `read` takes it; default its items with the separator between. */
  show?(value: Value): string;
}

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

type Stated<Value, Statement> =
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

/** An option that any text will do for, such as a path. */
export function text<const Statement extends OptionStatement<string> & { readonly value: string }>(
  statement: Statement,
): Stated<string, Statement> {
  return option("text", String, statement);
}

/** What is given by its place, such as a folder: `value` stands for it in the usage. */
export function word<const Statement extends Pick<Option<string>, "default" | "isRequired">>(
  value: string,
  statement: Statement = {} as Statement,
): Stated<string, Statement> {
  return option<string, Statement & { help: ""; isWord: true; value: string }>("text", String, {
    ...statement,
    value,
    help: "",
    isWord: true,
  }) as unknown as Stated<string, Statement>;
}

/** On or off, and off unless given; in YAML `true` or `false`. */
export function flag(statement: Omit<OptionStatement<boolean>, "value">): Stated<boolean, { default: false }> {
  const read = (text: string, name: string): boolean => {
    if (text === "true" || text === "false") return text === "true";
    throw new UsageError(`Cannot use --${name} ${text}: expected true or false`);
  };
  return option("flag", read, { default: false, ...statement });
}

/** A whole number from `least` (1 unless said otherwise) to `most`. */
export function count<
  const Statement extends OptionStatement<number> & { readonly least?: 0 | 1; readonly most?: number },
>(statement: Statement): Stated<number, Statement> {
  const { least = 1, most = Infinity } = statement;
  const read = (text: string, name: string): number => {
    const count = readCount(text, name, least);
    if (count <= most) return count;
    throw new UsageError(`Cannot use --${name} ${text}: expected ${least} to ${most}`);
  };
  return option("count", read, { value: "N", ...statement });
}

/** A number; both ends of the range are included. */
export function number<
  const Statement extends OptionStatement<number> & {
    readonly value: string;
    readonly range: readonly [least: number, most: number];
    /** For the message; default by the range. */
    readonly expected?: string;
  },
>(statement: Statement): Stated<number, Statement> {
  const { range, expected } = statement;
  return option("number", (text, name) => readNumber(text, name, range, expected), statement);
}

/** Two or three numbers with commas between, none negative. */
export function numbers<
  Length extends 2 | 3,
  Value extends Length extends 2 ? readonly [number, number] : readonly [number, number, number],
  const Statement extends OptionStatement<Value> & { readonly value: string },
>(length: Length, statement: Statement): Stated<Value, Statement> {
  const read = (text: string, name: string): Value => {
    const parts = splitList(text).map(parseNumber);
    if (parts.length === length && parts.every((part) => part >= 0)) return parts as unknown as Value;
    throw new UsageError(`Cannot use --${name} ${text}: expected ${length} numbers with commas between`);
  };
  return option("numbers", read, statement);
}

/** Pixels, `224` or `224x448`, height first. */
export function size<const Statement extends OptionStatement<readonly [number, number]>>(
  statement: Statement,
): Stated<readonly [height: number, width: number], Statement> {
  const show = ([height, width]: readonly [number, number]) => height === width ? `${height}` : `${height}x${width}`;
  return option("size", readSize, { value: "N|HxW", separator: "x", show, ...statement });
}

/** One of several words. */
export function choice<
  const Choice extends string,
  const Statement extends OptionStatement<Choice> & { readonly value: string },
>(choices: readonly Choice[], statement: Statement): Stated<Choice, Statement> {
  return option("choice", (text, name) => readChoice(text, name, choices), statement);
}

/** Some of several words, with commas between, in the order in which the table has them. */
export function choices<
  const Choice extends string,
  const Statement extends OptionStatement<readonly Choice[]>,
>(choices: readonly Choice[], statement: Statement): Stated<readonly Choice[], Statement> {
  const read = (text: string, name: string): readonly Choice[] => {
    const wanted = splitList(text).map((word) => readChoice(word, name, choices));
    return choices.filter((choice) => wanted.includes(choice));
  };
  return option("choices", read, { value: "LIST", ...statement });
}

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
    const { value, help } = option;
    const shown = showValue(option, option.default);
    return [`--${optionName(property, option)}${value ? ` ${value}` : ""}`, help.replaceAll("{default}", shown)];
  });
  const lines = [...stated, ...Object.entries(COMMON_OPTIONS).map(([name, { help }]) => [`--${name}`, help])];
  const width = Math.max(...lines.map(([head]) => head.length)) + 2;
  return lines
    .map(([head, help]) => `  ${head.padEnd(width)}${help.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`)
    .join("\n");
}

/** A value as an option takes it. */
function showValue({ show, separator = "," }: Option, value: unknown): string {
  return show && value !== undefined ? show(value) : [value].flat().join(separator);
}

/**
 * Reads arguments as texts.
 *
 * @param table What is known.
 * @param args As the process got them.
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
  const found = readArguments(args, known, `deno task ${name}`, words.length);
  if (typeof found === "string") return found;
  const texts = [
    ...words.map(([property], place) => [property, found.words[place]]),
    ...named.map(({ property, name }) => [property, found.has(name) ? "true" : found.text(name)]),
  ];
  return Object.fromEntries(texts.filter(([, text]) => text !== undefined));
}

/**
 * Reads values.
 *
 * @param table What is known.
 * @param texts Texts of some of them, from {@linkcode readTexts}.
 * @returns Their values.
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
  return Object.fromEntries(Object.entries(table).map(([property, option]) => [property, option.default])) as OptionsOf<
    Table
  >;
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
  /** What `--help` prints. */
  readonly help: string;
  /**
   * Reads its arguments.
   *
   * @param args As the process got them.
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
          `Expected ${missing.map(([, { value }]) => value).join(" ")}: see deno task ${name} --help`,
        );
      }
      const given = readValues(table, texts);
      const options = { ...defaultsOf(table), ...given };
      return resolve ? resolve(options, given) : options as Options;
    },
  };
}

/**
 * All of a command but how it is read.
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
  const help = parts.filter((part) => part !== undefined).join("\n\n");
  return { name, usage: ways, options, examples, help };
}
