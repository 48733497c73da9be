/**
 * The figures of examples, from label maps and their images.
 *
 * @module
 */

import { isTurned, type LabelMaps } from "../../formats/labels/mod.ts";
import type { CropSampling } from "../charts/crops.ts";
import { className } from "../model/class_names.ts";
import type { ImageReader } from "../pictures/image_reader.ts";
import { makeGallery } from "../report/gallery.ts";
import { pictureMaker } from "../report/pictures.ts";
import { chooseExamples, cropFigure, type ExampleNames, heatMapFigure } from "./example_figures.ts";

/** Which examples are drawn. */
export interface ExampleOptions extends CropSampling {
  /** Images to draw. */
  readonly examples: number;
  /** Called after each image with how many are done. */
  readonly onImage: (done: number, total: number) => void;
}

/**
 * Draws examples.
 *
 * @param labelMaps The label maps.
 * @param reader Their images; of one that it cannot read the place is left grey.
 * @param options Which examples and crops.
 * @returns Two SVGs: images beside the heat maps of their two best classes, and random crops beside their images.
 */
export async function drawExamples(
  labelMaps: LabelMaps,
  reader: Pick<ImageReader, "read">,
  { examples, onImage, ...sampling }: ExampleOptions,
): Promise<{ readonly heatMaps: string; readonly crops: string }> {
  const chosen = await chooseExamples(labelMaps, examples, sampling.seed);
  const pictures = pictureMaker(reader, {
    room: Infinity,
    exifOrientation: isTurned(labelMaps.metadata),
    type: "jpeg",
  });
  const gallery = await makeGallery(labelMaps, chosen.map((index) => ({ index, choice: "several" })), pictures, {
    ...sampling,
    classOfLabel: () => null,
    withCrops: chosen.length,
    onImage,
  });
  const { classes, dataSetClasses } = labelMaps;
  const names: ExampleNames = {
    ofClass: (index) => className(classes, index),
    ofLabel: (label) => className(dataSetClasses ?? classes, label),
  };
  return { heatMaps: heatMapFigure(gallery, names), crops: cropFigure(gallery, names) };
}
