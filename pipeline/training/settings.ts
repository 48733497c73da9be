/**
 * Settings that stand on a command line or in a YAML file alike: each reads its value from text, so that both are checked
 * by one rule and refused with one message.
 *
 * @module
 */

import type { Pair } from "../../kernels/operations/shared/window.ts";
import {
  parseNumber,
  readChoice,
  readCount,
  readNumber,
  readSize,
  splitList,
  UsageError,
} from "../command/command_line.ts";

/** One setting. */
export interface Setting<Value> {
  /** What stands for its value in the help; a setting without one is a switch. */
  readonly value?: string;
  readonly help: string;
  /** What is between the items of a value that YAML has as a list; default a comma. */
  readonly separator?: string;
  /** Reads a value; `name` is for the message. */
  read(text: string, name: string): Value;
}

/** A setting that any text will do for, such as a path. */
export function text(value: string, help: string): Setting<string> {
  return { value, help, read: (text) => text };
}

/** One of several words. */
export function choice<const Choice extends string>(
  value: string,
  choices: readonly Choice[],
  help: string,
): Setting<Choice> {
  return { value, help, read: (text, name) => readChoice(text, name, choices) };
}

/** A whole number, from 1 or 0. */
export function count(value: string, help: string, least: 0 | 1 = 1): Setting<number> {
  return { value, help, read: (text, name) => readCount(text, name, least) };
}

/** A number, both bounds included. */
export function number(value: string, help: string, range: readonly [number, number]): Setting<number> {
  return { value, help, read: (text, name) => readNumber(text, name, range) };
}

/** Some numbers with commas between, none negative. */
export function numbers<Length extends 2 | 3>(
  value: string,
  help: string,
  length: Length,
): Setting<Length extends 2 ? readonly [number, number] : readonly [number, number, number]> {
  return {
    value,
    help,
    read(text, name) {
      const parts = splitList(text).map(parseNumber);
      if (parts.length === length && parts.every((part) => part >= 0)) {
        return parts as unknown as ReturnType<typeof this.read>;
      }
      throw new UsageError(`Cannot use --${name} ${text}: expected ${length} numbers with commas between`);
    },
  };
}

/** Pixels, `224` or `224x448`, height first. */
export function size(help: string): Setting<Pair> {
  return { value: "N|HxW", help, separator: "x", read: readSize };
}

/** On or off. */
export function toggle(help: string): Setting<boolean> {
  return {
    help,
    read(text, name) {
      if (text === "true" || text === "false") return text === "true";
      throw new UsageError(`Cannot use --${name} ${text}: expected true or false`);
    },
  };
}
