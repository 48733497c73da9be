/**
 * From the folder of a training to the files of a model that is published.
 *
 * @module
 */

import { basename, join, resolve } from "@std/path";
import { parse } from "@std/yaml";
import { isFileThere, readJsonFile, readText, unreadable } from "../../formats/base/files.ts";
import { isObject, type Json } from "../../formats/base/json.ts";
import { type PiecedFile, piecedFile } from "../../formats/base/pieced_file.ts";
import { readSummary, scoreOf } from "../training/summary_file.ts";
import type { Licences } from "./label_card.ts";
import { runCard } from "./run_card.ts";

/** What a run writes after an epoch, and after the best one by its validation. */
const [MODEL, BEST] = ["model.safetensors", "best.safetensors"];
const [CONFIG, SETTINGS] = ["config.json", "config.yaml"];

/** What is asked for. */
export interface RunPublication extends Licences {
  /** The folder of the training. */
  readonly run: string;
  readonly title?: string;
  /** `owner/name` on the hub, where that is known. */
  readonly repository?: string;
}

/**
 * Whether a folder is that of a training.
 *
 * @param path The folder.
 */
export function isRun(path: string): boolean {
  return [CONFIG, SETTINGS].every((name) => isFileThere(join(path, name)));
}

/**
 * Prepares what is published of a training: its card, the network as timm describes it, and the weights, those of the best
 * epoch where there was a validation.
 *
 * @param publication What is asked for.
 * @returns The files.
 * @throws {Deno.errors.NotFound} If no epoch has ended.
 * @throws {TypeError} If a file of it is not what a training writes.
 */
export async function publishRun(publication: RunPublication): Promise<readonly PiecedFile[]> {
  const { run, repository } = publication;
  const subject = `Cannot publish "${run}"`;
  const isBest = isFileThere(join(run, BEST));
  const weights = join(run, isBest ? BEST : MODEL);
  if (!isFileThere(weights)) throw new Deno.errors.NotFound(`${subject}: it has no ${MODEL}, no epoch has ended`);
  const config = await readJsonFile(join(run, CONFIG), subject);
  const { architecture, num_classes: classes, pretrained_cfg } = (isObject(config) ? config : {}) as {
    architecture?: unknown;
    num_classes?: unknown;
    pretrained_cfg?: { input_size?: unknown };
  };
  const size = pretrained_cfg?.input_size;
  if (typeof architecture !== "string" || typeof classes !== "number" || !Array.isArray(size)) {
    throw unreadable(join(run, CONFIG), "it lacks architecture, num_classes or pretrained_cfg.input_size");
  }
  const epochs = readSummary(join(run, "summary.csv"));
  const card = runCard({
    ...publication,
    title: publication.title ?? repository ?? basename(resolve(run)),
    network: architecture,
    classes,
    size: size.slice(1),
    settings: parse(readText(join(run, SETTINGS))) as Record<string, Json>,
    // The first of several that are equally good is kept.
    epoch: isBest ? epochs.reduce((best, epoch) => scoreOf(epoch) > scoreOf(best) ? epoch : best) : epochs.at(-1),
    isBest,
  });
  return [
    piecedFile(MODEL, [{ path: weights, offset: 0, length: (await Deno.stat(weights)).size }]),
    piecedFile(CONFIG, [readText(join(run, CONFIG))]),
    piecedFile("README.md", [card]),
  ];
}
