/**
 * From a folder of label maps to the files that are published.
 *
 * @module
 */

import { basename, resolve } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import { type PiecedFile, piecedFile } from "../../formats/base/pieced_file.ts";
import { openLabelMaps } from "../../formats/labels/mod.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { drawExamples } from "../figures/draw_examples.ts";
import { type ImageReader, openImageReader } from "../pictures/image_reader.ts";
import { openLabelDatabase } from "../query/database.ts";
import { findQueryFiles } from "../query/query_files.ts";
import { readFindings } from "../report/findings.ts";
import { augmentationOf } from "../training/batch.ts";
import { resolveSettings } from "../training/settings.ts";
import { labelCard, type Licences } from "./label_card.ts";
import { countLabels, labelFiles, labelNames, wholeManifest } from "./label_files.ts";

/** What is asked for. */
export interface LabelPublication extends Licences {
  /** The folder of label maps. */
  readonly labels: string;
  /** Their images, if some may be shown. */
  readonly images?: string;
  readonly title?: string;
  /** `owner/name` on the hub, where that is known. */
  readonly repository?: string;
  readonly split: string;
  readonly threshold: number;
  readonly seed: number;
  /** Told what is done. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Images that a picture shows. */
const EXAMPLES = 6;

/** What stands for images that are not shown. */
const NO_IMAGES: Pick<ImageReader, "read"> = { read: () => Promise.reject(new Error("It is not shown")) };

/**
 * Prepares what is published of label maps.
 *
 * @param publication What is asked for.
 * @returns The files, the card among them, and how many images they are of.
 * @throws {TypeError} If the folder is not whole, or is none of label maps.
 */
export async function publishLabels(
  publication: LabelPublication,
): Promise<{ readonly files: readonly PiecedFile[]; readonly images: number }> {
  const { labels, images, split, threshold, seed, signal } = publication;
  const onProgress = (line: string) => {
    signal?.throwIfAborted();
    publication.onProgress?.(line);
  };
  const whole = wholeManifest(labels);
  using labelMaps = closing(await openLabelMaps(labels));
  onProgress("Counting labels");
  const counts = await countLabels(labelMaps, signal);
  const { files, features, manifest } = await labelFiles(labels, whole, {
    split,
    names: labelNames(whole, counts),
    signal,
    onPart: (done, total) => onProgress(`${formatCount(done)}/${formatNumberOf(total, "part")} hashed`),
  });
  onProgress("Asking for statistics");
  using database = closing(await openLabelDatabase(findQueryFiles(labels), labels, { signal }));
  const limits = { suspicious: 0, pairs: 0, classes: 30, severalClasses: 0 };
  const findings = await readFindings(database, { threshold, seed, limits });
  const settings = resolveSettings({ images: images ?? "", maps: labels, seed });
  const { mode, missing, temperature } = settings;
  using reader = images === undefined ? undefined : closing(await openImageReader(images));
  const { heatMaps, crops } = await drawExamples(labelMaps, reader ?? NO_IMAGES, {
    settings: augmentationOf(settings),
    pooling: { mode, missing, temperature },
    seed,
    examples: EXAMPLES,
    onImage: (done, total) => onProgress(`${formatCount(done)}/${formatNumberOf(total, "example")}`),
  });
  const card = labelCard({
    ...publication,
    title: publication.title ?? publication.repository ?? basename(resolve(labels)),
    manifest,
    features,
    counts,
    findings,
    hasImages: images !== undefined,
  });
  return {
    files: [
      ...files,
      piecedFile("pictures/heat_maps.svg", [heatMaps]),
      piecedFile("pictures/crops.svg", [crops]),
      piecedFile("README.md", [card]),
    ],
    images: findings.images,
  };
}
