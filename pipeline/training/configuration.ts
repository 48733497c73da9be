/**
 * Settings as YAML: a file that `--config` reads, and the complete one that a run keeps.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { parse, stringify } from "@std/yaml";
import { readText } from "../../formats/base/files.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { suggest, UsageError } from "../command/command_line.ts";
import type { Option } from "../command/option_kinds.ts";
import { optionName } from "../command/option_table.ts";
import { type GivenSettings, type RequestedSettings, settingNames, TRAINING_SETTINGS } from "./settings.ts";

/**
 * Reads settings from a YAML file: names as on the command line without their dashes, `true` or `false` for switches,
 * lists for numbers with commas between, `null` for what is not given.
 *
 * @param path The file.
 * @returns The options that the file gives, as texts by name.
 * @throws {Error} If it cannot be read.
 * @throws {UsageError} If it is not YAML, a name is unknown, or a value is not one that the setting can have.
 */
export function readConfiguration(path: string): GivenSettings {
  const subject = `Cannot read configuration "${path}"`;
  const content = readText(path, subject);
  let values: unknown;
  try {
    values = parse(content) ?? {};
  } catch (error) {
    throw new UsageError(`${subject}: ${(error as Error).message.split("\n")[0].replace(/:$/, "")}`);
  }
  if (typeof values !== "object" || Array.isArray(values)) {
    throw new UsageError(`${subject}: it is ${showValue(values)}, expected settings by name`);
  }
  return readSettings(values as Record<string, unknown>, subject);
}

/**
 * Reads settings by name.
 *
 * @param values Their values, as {@linkcode readConfiguration} takes them.
 * @param subject How the message starts.
 * @returns The settings that are given.
 * @throws {UsageError} If a name is unknown, or a value is not one that the setting can have.
 */
export function readSettings(values: Readonly<Record<string, unknown>>, subject: string): GivenSettings {
  const names = new Map(settingNames.map((name) => [optionName(name), name]));
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const setting = names.get(name);
    if (setting === undefined) {
      throw new UsageError(
        `${subject}: unknown setting ${name}${suggest(name, [...names.keys()], `see ${calledAs("train")} --help`)}`,
      );
    }
    if (value === null) continue;
    const isPlain = [value].flat().every((part) => ["string", "number", "boolean"].includes(typeof part));
    if (!isPlain) throw new UsageError(`${subject}: ${name} is ${showValue(value)}, expected a value or a list`);
    const { separator, read }: Option = TRAINING_SETTINGS[setting];
    try {
      given[setting] = read([value].flat().join(separator ?? ","), name);
    } catch (error) {
      throw new UsageError(`${subject}: ${(error as Error).message}`);
    }
  }
  return given;
}

/**
 * All settings as YAML, which {@linkcode readConfiguration} reads: what is not given as `null`.
 *
 * @param options The settings.
 * @returns The file's text.
 */
export function formatConfiguration(options: RequestedSettings): string {
  const entries = settingNames.map((name) => [optionName(name), options[name] ?? null]);
  return stringify(Object.fromEntries(entries), { flowLevel: 1, lineWidth: -1 });
}
