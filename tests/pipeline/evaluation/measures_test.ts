import { assert, assertEquals } from "@std/assert";
import type { StoredImage } from "../../../formats/images/mod.ts";
import type { DataSet } from "../../../pipeline/evaluation/data_set.ts";
import {
  annotationMeasure,
  corruptionMeasure,
  labelMeasure,
  type Measure,
  precisionMeasure,
  realMeasure,
} from "../../../pipeline/evaluation/measures.ts";
import { jsonFile } from "../../formats/evaluation/json_input.ts";

const CLASSES = 10;
const IMAGES = Array.from({ length: 12 }, (_, index): StoredImage => ({
  index,
  key: `ILSVRC2012_val_${String(index + 1).padStart(8, "0")}.JPEG`,
  label: index % 4,
  bytes: { path: "" },
}));

const dataSet = {
  path: "images",
  kind: "folder",
  count: IMAGES.length,
  source: {
    async *read() {
      yield IMAGES[0];
    },
  },
  truthOf: ({ index }: StoredImage) =>
    index === 7
      ? undefined
      : { label: index % 4, corruption: { name: index < 5 ? "fog" : "snow", severity: 1 + index % 3 } },
} as unknown as DataSet;

const wnid = Array.from({ length: CLASSES }, (_, label) => `n0000000${label}`);
const evaluated = { dataSet, model: { classes: CLASSES, classNames: { name: wnid, wnid } } };

/** Logits without order, some of them equal. */
function logitsOf({ index }: StoredImage): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: CLASSES }, (_, label) => (index * 7 + label * 5 + index * label) % 11 / 3);
}

function found(measure: Measure) {
  return { figures: measure.figures(), parts: measure.parts(), notes: measure.notes() };
}

const lists = jsonFile(IMAGES.map(({ index }) => index % 5 === 0 ? [] : [index % CLASSES, (index * 3) % CLASSES]));
const annotations = jsonFile({
  initial_annots: Object.fromEntries(IMAGES.slice(2).map(({ key, index }) => [key, { correct: [wnid[index % 6]] }])),
  problematic_images: {},
});
const measures: Record<string, () => Measure | Promise<Measure>> = {
  labels: () => labelMeasure(evaluated),
  "attacked labels": () => labelMeasure(evaluated, { attacked: true }),
  corruptions: () => corruptionMeasure(evaluated),
  ReaL: () => realMeasure(lists, evaluated),
  "Shankar's annotations": () => annotationMeasure(annotations, evaluated),
  "several labels": () => precisionMeasure(lists, evaluated),
};

for (const [name, make] of Object.entries(measures)) {
  Deno.test(`A measure of ${name} finds in shares that are merged what it finds in all images`, async () => {
    const images = name === "corruptions" ? IMAGES.filter(({ index }) => index !== 7) : IMAGES;
    const add = (measure: Measure, image: StoredImage) =>
      measure.add(image, { logits: logitsOf(image), attacked: logitsOf(image).map((logit) => -logit) });
    const whole = await make();
    images.forEach((image) => add(whole, image));
    const shares = [await make(), await make(), await make()];
    images.forEach((image, at) => add(shares[Math.floor(at * 3 / images.length)], image));
    const [first, ...others] = shares;
    for (const share of others) first.merge(JSON.parse(JSON.stringify(share.sums())));
    assert(whole.figures().length > 0);
    assertEquals(found(first), found(whole));
  });
}
