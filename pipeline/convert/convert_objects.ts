/**
 * From what is known of images pixel by pixel to a folder of label maps: the paper's oracle.
 *
 * @module
 */

import {
  type Container,
  type LabelMapConfiguration,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  openLabelMapFolder,
} from "../../formats/labels/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import { isSystemError } from "../../formats/base/files.ts";
import type { WriteProgress } from "../command/progress.ts";
import { engineVersion } from "../command/version.ts";
import { fillFolder, type FillResult } from "../label_folder/fill_folder.ts";
import type { Filling } from "../label_folder/part_folder.ts";
import { UNKNOWN_MAKER } from "./convert_published.ts";
import type { ConversionOptions } from "./fill_from_published.ts";
import type { ObjectsImage, ObjectSource } from "./object_sources.ts";
import { mostClasses, PRESENCE_TYPES, presenceMap, type PresenceRule } from "./presence_map.ts";

/** What maps are made of objects. */
export interface ObjectOptions extends ConversionOptions {
  readonly container: Container;
  readonly rule: PresenceRule;
  readonly grid: readonly [height: number, width: number];
  /** Default that which holds the rule's scores. */
  readonly dtype?: LabelMapType;
  /** Classes kept in each cell; default as many as the cell of any image has that has the most. */
  readonly k?: number;
  /** What made the maps; default what the source is called. */
  readonly name?: string;
}

/** How far a folder was filled; without a manifest where it was not begun. */
export type ObjectsResult = WriteProgress & Pick<FillResult, "stopped"> & Partial<Pick<FillResult, "manifest">>;

/**
 * Converts objects. An image with an object that cannot be understood is rejected.
 *
 * @param source The images, which stay open.
 * @param output The folder; it is made, or gone on with.
 * @param options What the maps are like, and whom to tell.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration, or of other images.
 * @throws {RangeError} If more classes are to be kept than there are.
 * @throws {Error} If an image cannot be converted and `strict` is set.
 */
export async function convertObjects(
  source: ObjectSource,
  output: string,
  options: ObjectOptions,
): Promise<ObjectsResult> {
  const { rule, grid, container, rowsPerFile, dtype = PRESENCE_TYPES[rule], name = source.name, signal } = options;
  const { count: images, classes } = source;
  const k = options.k ?? await mostClassesIn(source, signal);
  if (k === undefined) return { done: 0, before: 0, total: images, rejected: 0, stopped: true };
  if (k > classes.count) {
    throw new RangeError(`Cannot keep the ${k} best classes of each cell: there are ${classes.count}`);
  }
  const metadata: LabelMapMetadata = {
    version: 1,
    annotator: { ...UNKNOWN_MAKER, name, sha256: source.sha256 },
    classes: classes.count,
    k,
    grid: [...grid],
    dtype,
    layout: "hw",
    scores: "presence",
    presence: rule,
  };
  const keyAt = async (start: number) => {
    for await (const { key } of source.list({ start, end: start + 1 })) return key;
    return null;
  };
  const configuration: LabelMapConfiguration = {
    metadata,
    rowsPerFile,
    ...(container === "parquet" ? {} : { container }),
    source: { images, firstKey: await keyAt(0), lastKey: await keyAt(images - 1) },
    engine: { version: engineVersion },
  };
  using folder = closing(openLabelMapFolder(output, configuration, {
    classes: classes.names,
    dataSetClasses: source.dataSetClasses,
  }));

  async function filling({ index, key, read }: ObjectsImage): Promise<Filling<LabelMapRow>> {
    try {
      const { shares, ...image } = await read();
      return { index, key, row: { ...image, ...presenceMap(shares, rule, metadata) } };
    } catch (error) {
      if (isSystemError(error)) throw error;
      return { index, key, reason: (error as Error).message };
    }
  }

  const refuse = options.strict ? ({ reason }: { reason: string }) => new Error(reason) : undefined;
  return await fillFolder(folder, { ...options, images, refuse }, {
    list: source.list,
    async *fill(spans) {
      for (const span of spans) {
        for await (const image of source.images(span)) yield await filling(image);
      }
    },
  });
}

/**
 * As many classes as the cell has that has the most; images that cannot be read are passed over. Undefined if the signal
 * stopped it.
 */
async function mostClassesIn(source: ObjectSource, signal?: AbortSignal): Promise<number | undefined> {
  let most = 1;
  for await (const image of source.images({ start: 0, end: source.count })) {
    await letEventsIn();
    if (signal?.aborted) return undefined;
    try {
      most = Math.max(most, mostClasses((await image.read()).shares));
    } catch (error) {
      if (isSystemError(error)) throw error;
      // Its row will be rejected for it.
    }
  }
  return most;
}
