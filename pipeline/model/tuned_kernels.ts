/**
 * What was measured on this machine's adapter, kept in the user's cache: which kernel of several that give the same bits
 * is fastest for each layer.
 *
 * A file is of one adapter, its driver and this version of the engine. What is wrong with it is said in a line, and it is
 * measured anew: nothing depends on it but time.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { makeFolder, readIfThere, replaceFile } from "../../formats/base/files.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { hashText } from "../../formats/base/text_hash.ts";
import type { Capabilities } from "../../kernels/engine/device.ts";
import type { Choices } from "../../kernels/engine/choices.ts";
import { engineVersion } from "../command/version.ts";
import { listVulkanAdapters } from "./vulkan_adapters.ts";

/** What the choices of a file hold for. */
export interface TunedFor {
  readonly engine: string;
  readonly adapter: string;
  /** The driver's version as Vulkan numbers it, `unknown` without Vulkan. */
  readonly driver: string;
}

/** What a file says. */
interface TunedFile extends TunedFor {
  readonly choices: Readonly<Record<string, string>>;
}

/** What this engine's choices on an adapter hold for. */
export function tunedFor({ adapter }: Pick<Capabilities, "adapter">): TunedFor {
  const driver = listVulkanAdapters()?.find(({ name }) => name === adapter)?.driver;
  return { engine: engineVersion, adapter, driver: driver === undefined ? "unknown" : String(driver) };
}

/**
 * Where the choices of an adapter are kept.
 *
 * @param tuned What they hold for.
 * @param variable Gives the value of an environment variable.
 * @returns A file in `relabel` of `XDG_CACHE_HOME`, by default `~/.cache`; undefined where there is no home.
 */
export function tunedPath(
  tuned: Pick<TunedFor, "adapter">,
  variable: (name: string) => string | undefined,
): string | undefined {
  const home = variable("HOME") || variable("USERPROFILE");
  const cache = variable("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  if (!cache) return undefined;
  const hash = hashText(tuned.adapter).toString(36);
  return join(cache, "relabel", `tuned-${hash}.json`);
}

/** What was read, and what is to be said of it. */
export interface ReadChoices {
  readonly choices: Choices;
  /** Why the file is passed over: a sentence without a full stop. */
  readonly problem?: string;
}

/**
 * Reads the choices of an adapter.
 *
 * @param path The file; there need be none.
 * @param capabilities The adapter's; its driver is looked up where there is a file.
 * @returns The choices, none where the file is damaged or of another adapter, driver or version.
 */
export function readChoices(path: string, capabilities: Pick<Capabilities, "adapter">): ReadChoices {
  try {
    const text = readIfThere(path);
    if (text === undefined) return { choices: new Map() };
    const tuned = tunedFor(capabilities);
    const file = parseFile(text);
    if (file === undefined) return passedOver(path, "it is damaged");
    const other = (["engine", "adapter", "driver"] as const).find((name) => file[name] !== tuned[name]);
    if (other) return passedOver(path, `it is of ${other} ${file[other]}, this is ${tuned[other]}`);
    return { choices: new Map(Object.entries(file.choices)) };
  } catch (error) {
    return passedOver(path, (error as Error).message);
  }
}

function passedOver(path: string, reason: string): ReadChoices {
  return { choices: new Map(), problem: `Passing over tuned kernels in "${path}": ${reason}` };
}

function parseFile(text: string): TunedFile | undefined {
  let file: Partial<TunedFile> | null;
  try {
    file = JSON.parse(text);
  } catch {
    return undefined;
  }
  const choices: unknown = file?.choices;
  if (typeof choices !== "object" || choices === null || Array.isArray(choices)) return undefined;
  const texts = [file?.engine, file?.adapter, file?.driver, ...Object.values(choices)];
  return texts.every((value) => typeof value === "string") ? file as TunedFile : undefined;
}

/**
 * Keeps choices, and those that another process has kept meanwhile: of a layer that both measured, these.
 *
 * @param path The file.
 * @param tuned What they hold for.
 * @param choices The choices.
 * @returns Why they could not be kept, a sentence without a full stop; undefined if they are.
 */
export function keepChoices(path: string, tuned: TunedFor, choices: Choices): string | undefined {
  try {
    const subject = `Cannot keep tuned kernels in "${path}"`;
    makeFolder(dirname(path), subject);
    using _lock = takeLock(`${path}.lock`, subject);
    const all = new Map([...readChoices(path, tuned).choices, ...choices]);
    const sorted = Object.fromEntries([...all].sort(([a], [b]) => a < b ? -1 : 1));
    replaceFile(path, `${JSON.stringify({ ...tuned, choices: sorted } satisfies TunedFile, null, 2)}\n`);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
