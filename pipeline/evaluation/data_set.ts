/**
 * Data sets to evaluate on, by how they are laid out:
 *
 * | kind | the class of an image |
 * | --- | --- |
 * | `folder` | its folder, by name, or its label in a tar or Parquet file |
 * | `imagenet-v2` | its folder, `0` to `999`, is the index (sorted as text they would be others) |
 * | `imagenet-a` | its folder; only the 200 classes of ImageNet-A are ranked |
 * | `imagenet-c` | `<corruption>/<severity>/<class>/<image>` |
 *
 * @module
 */

import { type ImageSource, type ImageSurvey, openImages, type StoredImage } from "../../formats/images/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { imageNetClassNames } from "../model/class_names.ts";
import { ALEXNET_ERRORS, EXTRA_CORRUPTIONS, SEVERITIES } from "./corruption_error.ts";
import { mapClasses, type ModelClasses } from "./map_classes.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** How a data set is laid out. */
export type DataSetKind = typeof dataSetKinds[number];

/** Names of the kinds of data sets. */
export const dataSetKinds = ["folder", "imagenet-v2", "imagenet-a", "imagenet-c"] as const;

/** What an image is of. */
export interface ImageTruth {
  /** The model's index of its class. */
  readonly label: number;
  /** ImageNet-C's corruption of the image. */
  readonly corruption?: { readonly name: string; readonly severity: number };
}

/** Images with what they are of. */
export interface DataSet {
  readonly path: string;
  readonly kind: DataSetKind;
  readonly source: ImageSource;
  /** What the source says of itself. */
  readonly survey: ImageSurvey;
  /** Images. */
  readonly count: number;
  /** The classes that are ranked; default all. */
  readonly candidates?: readonly number[];
  /** What an image is of, undefined if the data set does not say. */
  truthOf(image: StoredImage): ImageTruth | undefined;
}

/** Indices of the 200 classes of ImageNet-A among ImageNet's 1,000. */
const IMAGENET_A = new URL("../../assets/imagenet/imagenet_a.txt", import.meta.url);

const CORRUPTIONS: readonly string[] = [...Object.keys(ALEXNET_ERRORS), ...EXTRA_CORRUPTIONS];

/**
 * Opens a data set.
 *
 * @param path A folder, tar shards or Parquet, as `openImages` takes it.
 * @param model The classes that its labels are to be found among.
 * @param kind How it is laid out; default what its folders tell: ImageNet-C by the names of corruptions, ImageNet-A and
 *   ImageNetV2 if exactly their classes are there, else `folder`.
 * @returns The data set.
 * @throws {Deno.errors.NotFound} If there is nothing there, or no image.
 * @throws {TypeError} If it is not laid out as said, or has a class that the model does not have.
 */
export async function openDataSet(path: string, model: ModelClasses, kind?: DataSetKind): Promise<DataSet> {
  const source = await openImages(path);
  const imageNetA = await readImageNetA();
  const found = kind ?? detectKind(source.classes ?? [], model, imageNetA);
  const subject = `Cannot evaluate on "${path}"${found === "folder" ? "" : ` as ${found}`}`;
  const survey = await source.survey();
  return {
    path,
    kind: found,
    source,
    survey,
    count: survey.images,
    ...layouts[found](source, model, { subject, imageNetA }),
  };
}

async function readImageNetA(): Promise<string[]> {
  const [text, { wnid }] = await Promise.all([Deno.readTextFile(IMAGENET_A), imageNetClassNames()]);
  return text.trimEnd().split("\n").map((line) => wnid![Number(line)]);
}

function detectKind(names: readonly string[], { classes }: ModelClasses, imageNetA: readonly string[]): DataSetKind {
  if (names.length === 0) return "folder";
  if (names.every((name) => CORRUPTIONS.includes(name))) return "imagenet-c";
  if (names.length === imageNetA.length && names.every((name) => imageNetA.includes(name))) return "imagenet-a";
  const isNumbered = names.length === classes && names.every((name) => isIndex(name, classes));
  return isNumbered ? "imagenet-v2" : "folder";
}

/** Whether a folder's name is a class index, written as usual. */
function isIndex(name: string, classes: number): boolean {
  return /^(0|[1-9]\d*)$/.test(name) && Number(name) < classes;
}

type Layout = (
  source: ImageSource,
  model: ModelClasses,
  options: { readonly subject: string; readonly imageNetA: readonly string[] },
) => Pick<DataSet, "candidates" | "truthOf">;

const layouts: Readonly<Record<DataSetKind, Layout>> = {
  folder({ classes: names }, model, { subject }) {
    if (names === null) {
      return {
        truthOf({ label, key }) {
          if (label === null) return undefined;
          if (label >= 0 && label < model.classes) return { label };
          throw new TypeError(
            `${subject}: the label of "${key}" is ${label}, but the model has ${
              formatNumberOf(model.classes, "class", "classes")
            }`,
          );
        },
      };
    }
    return byFolder(mapClasses(names, model, { subject, isOrdered: true }));
  },

  "imagenet-v2"({ classes: names }, { classes }, { subject }) {
    const folders = classFolders(names, subject);
    const wrong = folders.find((name) => !isIndex(name, classes));
    if (wrong !== undefined) {
      throw new TypeError(`${subject}: folder ${showValue(wrong)} is not a class index from 0 to ${classes - 1}`);
    }
    return byFolder(folders.map(Number));
  },

  "imagenet-a"({ classes: names }, model, { subject, imageNetA }) {
    const folders = classFolders(names, subject);
    const other = folders.find((name) => !imageNetA.includes(name));
    if (other !== undefined) {
      throw new TypeError(`${subject}: folder ${showValue(other)} is none of its ${imageNetA.length} classes`);
    }
    const candidates = mapClasses(imageNetA, model, { subject, isOrdered: true });
    return { candidates, ...byFolder(folders.map((name) => candidates[imageNetA.indexOf(name)])) };
  },

  "imagenet-c"({ classes: names }, model, { subject }) {
    const other = classFolders(names, subject).find((name) => !CORRUPTIONS.includes(name));
    if (other !== undefined) throw new TypeError(`${subject}: folder ${showValue(other)} is no corruption that it has`);
    const labels = new Map<string, number>();
    return {
      truthOf({ key }) {
        const [name, severity, folder, file] = key.split("/");
        if (file === undefined || !SEVERITIES.map(String).includes(severity)) {
          throw new TypeError(`${subject}: "${key}" is not at <corruption>/<1 to 5>/<class>/<image>`);
        }
        const label = labels.get(folder) ?? mapClasses([folder], model, { subject })[0];
        labels.set(folder, label);
        return { label, corruption: { name, severity: Number(severity) } };
      },
    };
  },
};

function classFolders(names: readonly string[] | null, subject: string): readonly string[] {
  if (names === null) throw new TypeError(`${subject}: it has no class folders`);
  return names;
}

/** The label of an image by that of its folder. */
function byFolder(indices: readonly number[]): Pick<DataSet, "truthOf"> {
  return { truthOf: ({ label }) => label === null ? undefined : { label: indices[label] } };
}
