import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type Container,
  containers,
  createCropLabelFile,
  createLabelMapFile,
  type CropLabelImage,
  type CropLabelMetadata,
  dequantise,
  type Json,
  type LabelMapMetadata,
  labelMapTypes,
} from "../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "../formats/labels/fixture.ts";
import { pythonTest } from "../python.ts";
import { type Found, pyarrowRows, READERS } from "./readers.ts";

/** A file that this project writes, and what others are to find in it. */
interface Sample extends Found {
  readonly name: string;
  write(path: string): void;
}

/** Label maps of each type and each width of classes, a label in three null; none; several groups of several pages. */
function labelMapSamples(): Sample[] {
  const samples = labelMapTypes.flatMap((dtype) =>
    [12, 100_000].map((classes) => labelMapSample(`${dtype}, ${classes} classes`, { dtype, classes }, 40))
  );
  return [
    ...samples,
    labelMapSample("no rows", {}, 0),
    labelMapSample("several groups", { dtype: "fp16", grid: [64, 64] }, 26),
  ];
}

function labelMapSample(name: string, changes: Partial<LabelMapMetadata>, count: number): Sample {
  const metadata = smallMetadata(changes);
  const rows = Array.from({ length: count }, (_, index) => smallRow(index, metadata));
  return {
    name,
    write(path) {
      const writer = createLabelMapFile(path, metadata);
      for (const row of rows) writer.append(row);
      writer.finish();
    },
    metadata,
    rows: rows.map(({ key, label, width, height, class: classes, score, topClass, topProbability }) => ({
      ...{ key, label, width, height, class: [...classes] },
      score: [...(metadata.dtype.startsWith("fp8") ? score : dequantise(score, metadata.dtype))],
      top_class: [...topClass],
      top_probability: [...topProbability],
    })),
  };
}

/** Crop labels of both widths of classes; the second of three images has no label. */
function cropLabelSamples(): Sample[] {
  return [1000, 70_000].map((classes) => {
    const { annotator } = smallMetadata();
    const metadata: CropLabelMetadata = { version: 1, kind: "crop_labels", annotator, classes, k: 2, missing: "zero" };
    const images = ["a", "b", "c"].map((key): CropLabelImage => ({
      key,
      label: key === "b" ? null : 1,
      box: Float32Array.from({ length: 12 }, (_, index) => index / 12),
      flip: [0, 1, 1],
      class: Array.from({ length: 6 }, (_, index) => classes - 1 - index),
      probability: Float32Array.from({ length: 6 }, (_, index) => 1 / (index + 1)),
    }));
    return {
      name: `crop labels, ${classes} classes`,
      write(path) {
        const writer = createCropLabelFile(path, metadata);
        for (const image of images) writer.append(image);
        writer.finish();
      },
      metadata,
      rows: images.flatMap(({ key, label, box, flip, class: classes, probability }) =>
        Array.from(flip, (flip, crop) => {
          const [top, left, height, width] = box.subarray(crop * 4);
          const values = [Array.from(classes), [...probability]].map((list) => list.slice(crop * 2, crop * 2 + 2));
          return { key, label, crop, top, left, height, width, flip, class: values[0], probability: values[1] };
        })
      ),
    };
  });
}

/** Files of every kind in a container: crop labels are written in Parquet alone. */
function samplesOf(container: Container): Sample[] {
  return container === "parquet" ? [...labelMapSamples(), ...cropLabelSamples()] : labelMapSamples();
}

/** Writes each kind of file, and compares what is found in it with what was written. */
async function checkReading(container: Container, read: (path: string) => Promise<Found> | Found): Promise<void> {
  for (const { name, write, rows, metadata } of samplesOf(container)) {
    const path = join(Deno.makeTempDirSync(), `part-00000.${container}`);
    write(path);
    const found = await read(path);
    assertEquals(found.metadata, metadata as Json, name);
    assertEquals(found.rows, rows, name);
  }
}

for (const container of containers) {
  for (const [reader, { [container]: reading }] of Object.entries(READERS)) {
    if (typeof reading !== "function") continue;
    Deno.test(`${reader} finds every value in ${container} files`, () => checkReading(container, reading));
  }
  pythonTest(`pyarrow finds every value in ${container} files`, ["pyarrow"], async (run) => {
    await checkReading(container, (path) => pyarrowRows(run, path));
  });
}
