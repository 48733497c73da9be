/**
 * Label maps for tests: the 256 maps of the fixture as rows with realistic keys, and small made-up ones.
 *
 * @module
 */

import {
  type LabelMapConfiguration,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  mapLength,
  quantise,
  quantiseMap,
} from "../../../formats/labels/mod.ts";

const MAPS = new URL("../../fixtures/lite0/maps475.safetensors", import.meta.url);

/** Metadata of 1000 classes on 15 x 15 maps with k = 5, as the fixture has them. */
export function fixtureMetadata(dtype: LabelMapType): LabelMapMetadata {
  return {
    version: 1,
    annotator: {
      name: "tf_efficientnet_lite0",
      sha256: "5b1c4a8f".repeat(8),
      inputSize: [475, 475],
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      interpolation: "bicubic",
    },
    classes: 1000,
    k: 5,
    grid: [15, 15],
    dtype,
    layout: "hw",
  };
}

/**
 * The fixture's maps as rows. Keys, labels and sizes are like ImageNet's in natural order, where neighbours share a class
 * and most are 500 pixels wide; top classes are the softmax over the maps' means of the classes they hold.
 */
export function fixtureRows(dtype: LabelMapType): LabelMapRow[] {
  const bytes = Deno.readFileSync(MAPS);
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  const tensor = (name: string): ArrayBuffer => {
    const [start, end] = header[name].data_offsets;
    return bytes.slice(8 + headerLength + start, 8 + headerLength + end).buffer;
  };
  const classes = new Uint16Array(tensor("class"));
  const scores = new Float32Array(tensor("score"));
  const random = generator(1);
  let file = 10;
  return Array.from({ length: 256 }, (_, index) => {
    const [start, end] = [index * 1125, (index + 1) * 1125];
    const wnid = index < 128 ? "n01440764" : "n01443537";
    file += 1 + Math.floor(random() * 60);
    const isTall = random() < 0.2;
    const short = [333, 375, 375, 375, 334, 400, 281][Math.floor(random() * 7)];
    const map = classes.slice(start, end);
    const logits = scores.slice(start, end);
    const { topClass, topProbability } = best(map, logits);
    return {
      key: `${wnid}/${wnid}_${file}.JPEG`,
      label: index < 128 ? 0 : 1,
      width: isTall ? short : 500,
      height: isTall ? 500 : short,
      class: map,
      score: quantiseMap({ class: map, logits }, fixtureMetadata(dtype)),
      topClass,
      topProbability,
    };
  });
}

function best(classes: Uint16Array, logits: Float32Array) {
  const sums = new Map<number, number>();
  classes.forEach((value, i) => sums.set(value, (sums.get(value) ?? 0) + logits[i] / 225));
  const total = [...sums.values()].reduce((sum, mean) => sum + Math.exp(mean), 1000 - sums.size);
  const top = [...sums].sort(([, a], [, b]) => b - a).slice(0, 5);
  return {
    topClass: Uint16Array.from(top, ([value]) => value),
    topProbability: Float32Array.from(top, ([, mean]) => Math.exp(mean) / total),
  };
}

/** Metadata of small maps. */
export function smallMetadata(changes: Partial<LabelMapMetadata> = {}): LabelMapMetadata {
  return { ...fixtureMetadata("fp32"), classes: 12, k: 3, grid: [2, 4], ...changes } as LabelMapMetadata;
}

/** A made-up row that fits the metadata; a label in three is null. */
export function smallRow(index: number, metadata: LabelMapMetadata): LabelMapRow {
  const random = generator(index + 1);
  const classes = (length: number) => {
    const empty = metadata.classes < 65536 ? new Uint16Array(length) : new Uint32Array(length);
    return empty.map(() => Math.floor(random() * metadata.classes));
  };
  const top = Math.min(5, metadata.classes);
  return {
    key: `kind/${index}.jpg`,
    label: index % 3 === 0 ? null : index,
    width: 100 + index,
    height: 200 + index,
    class: classes(mapLength(metadata)),
    score: quantise(Float32Array.from({ length: mapLength(metadata) }, () => random() * 40 - 10), metadata.dtype),
    topClass: classes(top),
    topProbability: Float32Array.from({ length: top }, random),
  };
}

/** A configuration of small maps, of so many images. */
export function smallConfiguration(
  { images = 18, ...changes }: Partial<LabelMapConfiguration> & { readonly images?: number } = {},
): LabelMapConfiguration {
  return { metadata: smallMetadata(), rowsPerFile: 4, source: { images }, ...changes };
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function generator(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}
