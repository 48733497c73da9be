/**
 * What the metadata of label maps say of how several maps became one, beside the annotator: entries of their own, which
 * maps of one network do not have.
 *
 * | entry | holds |
 * | --- | --- |
 * | `averagedWith` | other annotators, or the same one at other sizes, as `annotator` |
 * | `mirror` | true where the mirrored image's map was averaged with the image's |
 * | `average` | `probabilities` where these were averaged, and scores are logarithms of the mean; else logits were |
 * | `temperature` | what logits were divided by, unless 1 |
 * | `pooledFrom` | `[H, W]` of the annotator's own maps, whose cells were averaged to those of `grid` |
 *
 * @module
 */

import type { LabelMapMetadata } from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatSize } from "../command/numbers.ts";
import type { MapAveraging } from "../../kernels/programs/averaged_maps.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";

/** An annotator as metadata have it. */
type Recorded = LabelMapMetadata["annotator"];

/**
 * The entries of maps.
 *
 * @param members The annotators; the first is the metadata's own.
 * @param averaging How their maps became one.
 * @param pooledFrom The grid whose cells were averaged, if they were.
 * @returns The entries.
 */
export function averagedEntries(
  [, ...others]: readonly Recorded[],
  { mirror = false, average = "logits", temperature = 1 }: MapAveraging,
  pooledFrom: Pair | undefined,
): { readonly [entry: string]: LabelMapMetadata[string] } {
  const isMean = others.length > 0 || mirror || pooledFrom !== undefined;
  return {
    ...(others.length > 0 ? { averagedWith: others } : {}),
    ...(mirror ? { mirror } : {}),
    ...(isMean && average === "probabilities" ? { average } : {}),
    ...(temperature === 1 ? {} : { temperature }),
    ...(pooledFrom ? { pooledFrom } : {}),
  };
}

/**
 * The annotators of label maps for the eye.
 *
 * @param metadata Metadata of label maps.
 * @returns `resnet50.a1_in1k at 224 x 224 and 288 x 288, each mirrored too`.
 * @throws {TypeError} As {@linkcode recordedAveraging}.
 */
export function describeAnnotators(metadata: LabelMapMetadata): string {
  const { annotators, mirror, average, temperature } = recordedAveraging(metadata);
  const each = annotators.map(({ name, size }) => `${name} at ${size.map(formatSize).join(" and ")}`);
  const isOne = annotators.length === 1 && annotators[0].size.length === 1;
  return [
    each.join(", and "),
    ...(mirror ? [isOne ? "mirrored too" : "each mirrored too"] : []),
    ...(average === "probabilities" ? ["probabilities averaged"] : []),
    ...(temperature === 1 ? [] : [`temperature ${temperature}`]),
  ].join(", ");
}

/** Whose maps were averaged, of which sizes of the image, and how. */
export interface RecordedAveraging extends Omit<MapAveraging, "grid"> {
  readonly annotators: readonly { readonly name: string; readonly size: readonly Pair[] }[];
  /** The grid that maps were brought to, where it is not their own. */
  readonly grid?: Pair;
}

/**
 * How maps became one, by their metadata.
 *
 * @param metadata Metadata of label maps.
 * @returns The annotators, told apart by name and weights, and how their maps were averaged.
 * @throws {TypeError} If an entry is not as {@linkcode averagedEntries} makes it.
 */
export function recordedAveraging(metadata: LabelMapMetadata): RecordedAveraging {
  const { annotator, averagedWith = [], mirror = false, average = "logits", temperature = 1, pooledFrom } = metadata;
  const refuse = (entry: string): never => {
    throw new TypeError(`Cannot annotate as the label maps say: their ${entry} is ${showValue(metadata[entry])}`);
  };
  if (!Array.isArray(averagedWith) || !averagedWith.every(isAnnotator)) return refuse("averagedWith");
  if (typeof mirror !== "boolean") return refuse("mirror");
  if (average !== "logits" && average !== "probabilities") return refuse("average");
  if (typeof temperature !== "number" || !(temperature > 0)) return refuse("temperature");
  const members = [annotator, ...averagedWith as Recorded[]];
  const byWeights = Map.groupBy(members, ({ name, sha256 }) => `${name} ${sha256}`);
  return {
    annotators: [...byWeights.values()].map((same) => ({
      name: same[0].name,
      size: same.map(({ inputSize }) => inputSize),
    })),
    mirror,
    average,
    temperature,
    ...(pooledFrom === undefined ? {} : { grid: metadata.grid }),
  };
}

function isAnnotator(value: unknown): boolean {
  const { name, sha256, inputSize } = (value ?? {}) as Record<string, unknown>;
  return typeof name === "string" && typeof sha256 === "string" && Array.isArray(inputSize) && inputSize.length === 2;
}
