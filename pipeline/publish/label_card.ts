/**
 * The card of published label maps: what the hub shows of a data set, and the YAML that it and `datasets` read.
 *
 * @module
 * @see https://huggingface.co/docs/hub/datasets-cards
 */

import { printable } from "../../formats/base/printable.ts";
import { type LabelMapMetadata, type Manifest, mapLength } from "../../formats/labels/mod.ts";
import { formatBytes, formatCells, formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import { markdownTable } from "../command/text_table.ts";
import type { LabelFindings } from "../report/findings.ts";
import { arrowBytes, type Feature, featureLines, yamlText } from "./features.ts";
import type { LabelCounts } from "./label_files.ts";

/** Values of `top_class` and `top_probability`, where there are as many classes. */
const BEST_OF_PICTURE = 5;

/** What a card says of licences, in the words of who publishes. */
export interface Licences {
  /** The licence of the label maps: the hub's name of one, or other words. */
  readonly license?: string;
  readonly annotatorLicense?: string;
  readonly imagesLicense?: string;
}

/** What a card of label maps is made of. */
export interface LabelCard extends Licences {
  readonly title: string;
  /** `owner/name` on the hub, where that is known. */
  readonly repository?: string;
  readonly split: string;
  readonly manifest: Manifest;
  readonly features: readonly Feature[];
  readonly counts: LabelCounts;
  readonly findings: Pick<
    LabelFindings,
    "images" | "counts" | "threshold" | "confidence" | "agreement" | "classFigures" | "classCount"
  >;
  /** Whether its pictures show images. */
  readonly hasImages: boolean;
}

/** What the hub calls licences that are frequent; others go by their name. */
const HUB_LICENCES = new Set([
  "apache-2.0",
  "mit",
  "bsd-2-clause",
  "bsd-3-clause",
  "bsd-3-clause-clear",
  "cc",
  "cc0-1.0",
  "cc-by-2.0",
  "cc-by-3.0",
  "cc-by-4.0",
  "cc-by-sa-3.0",
  "cc-by-sa-4.0",
  "cc-by-nc-2.0",
  "cc-by-nc-3.0",
  "cc-by-nc-4.0",
  "cc-by-nd-4.0",
  "cc-by-nc-nd-4.0",
  "cc-by-nc-sa-3.0",
  "cc-by-nc-sa-4.0",
  "gpl-3.0",
  "lgpl-3.0",
  "agpl-3.0",
  "mpl-2.0",
  "odbl",
  "odc-by",
  "openrail",
  "pddl",
  "unlicense",
  "unknown",
  "other",
]);

/**
 * The YAML lines of a licence.
 *
 * @param license What the user wrote, if anything.
 * @returns The lines: the hub's name, or `other` and the user's words; none without one.
 */
export function licenceLines(license: string | undefined): string[] {
  if (license === undefined) return [];
  const known = license.toLowerCase();
  return HUB_LICENCES.has(known) ? [`license: ${known}`] : ["license: other", `license_name: ${yamlText(license)}`];
}

/** The hub's class of sizes, by number of rows. */
function sizeCategory(rows: number): string {
  const limits = [[1e3, "n<1K"], [1e4, "1K<n<10K"], [1e5, "10K<n<100K"], [1e6, "100K<n<1M"], [
    1e7,
    "1M<n<10M",
  ]] as const;
  return limits.find(([limit]) => rows < limit)?.[1] ?? "10M<n<100M";
}

/**
 * A text from a file as Markdown shows it.
 *
 * @param text A name, a key.
 * @returns The text on one line, with what Markdown and HTML would take for theirs escaped.
 */
export function markdownText(text: string): string {
  return printable(text).replaceAll(/[\\`*_{}[\]<>()#+!|~&$]/g, (sign) => `\\${sign}`);
}

/**
 * Writes the card.
 *
 * @param card What it is made of.
 * @returns Its Markdown, with the YAML before it.
 */
export function labelCard(card: LabelCard): string {
  return `${[...yamlLines(card), "", ...textLines(card)].join("\n")}\n`;
}

function yamlLines(
  { title, license, split, manifest: { parts, configuration }, features, counts, findings: { images } }: LabelCard,
): string[] {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const listLength = Math.min(BEST_OF_PICTURE, configuration.metadata.classes);
  const inMemory = arrowBytes(features, images, { textBytes: counts.keyBytes, listLength });
  return [
    "---",
    ...licenceLines(license),
    `pretty_name: ${yamlText(printable(title))}`,
    "task_categories:",
    "- image-classification",
    "tags:",
    "- relabel",
    "- label-maps",
    "- soft-labels",
    "- multi-label",
    "size_categories:",
    `- ${sizeCategory(images)}`,
    "configs:",
    "- config_name: default",
    "  data_files:",
    `  - split: ${split}`,
    `    path: data/${split}-*.parquet`,
    "dataset_info:",
    "  features:",
    ...featureLines(features).map((line) => `  ${line}`),
    "  splits:",
    `  - name: ${split}`,
    `    num_bytes: ${inMemory}`,
    `    num_examples: ${images}`,
    `  download_size: ${bytes}`,
    `  dataset_size: ${inMemory}`,
    "---",
  ];
}

function textLines(card: LabelCard): string[] {
  const { title, manifest: { configuration: { metadata } }, findings: { images } } = card;
  return [
    `# ${markdownText(title)}`,
    "",
    `Localized multi-labels of ${formatNumberOf(images, "image")}: for each of ${
      formatCells(metadata.grid)
    } of an image the ` +
    `${formatNumberOf(metadata.k, "best class", "best classes")} of ${
      formatCount(metadata.classes)
    }, with their logits, as ` +
    `${markdownText(metadata.annotator.name)} gives them. They are label maps as in ` +
    "[Re-labeling ImageNet](https://arxiv.org/abs/2101.05022): pooled over a random crop, they are the crop's own label.",
    "",
    ...pictureLines(card),
    ...useLines(card),
    ...columnLines(card),
    ...statisticLines(card),
    ...originLines(card),
  ];
}

function pictureLines({ hasImages }: LabelCard): string[] {
  const crops = hasImages ? "Random crops" : "Boxes of random crops";
  return [
    "![Heat maps of the two best classes of some images](pictures/heat_maps.svg)",
    "",
    `![${crops}, the original label and the one that is pooled for them](pictures/crops.svg)`,
    "",
  ];
}

function useLines({ repository = "OWNER/NAME", split }: LabelCard): string[] {
  return [
    "## Use",
    "",
    "```python",
    "from datasets import load_dataset",
    "",
    `rows = load_dataset("${repository}", split="${split}")`,
    "```",
    "",
    "```bash",
    `relabel query hf:datasets/${repository} multi-label`,
    `relabel explore hf:datasets/${repository} IMAGES`,
    `relabel train IMAGES --maps hf:datasets/${repository}`,
    "```",
    "",
    "The images are not part of it: `key` says which of the data set's a row is of.",
    "",
  ];
}

function columnLines({ manifest: { configuration: { metadata } }, features }: LabelCard): string[] {
  const { k, grid: [height, width] } = metadata;
  const map = `k x H x W = ${k} x ${height} x ${width} = ${mapLength(metadata)}`;
  const meanings = new Map([
    ["key", "the image's path in the data set"],
    [
      "label",
      features.some(({ names }) => names)
        ? "the data set's own class; its names are those of the feature"
        : "the data set's own class, where it has one",
    ],
    ["width", "of the image, pixels"],
    ["height", "of the image, pixels"],
    ["class", `class indices, ${map}, the best class of each cell first; names are in \`manifest.json\`, \`classes\``],
    ["score", `${scoreWords(metadata)} of those classes, in the same order`],
    ["top_class", "the best classes of the whole picture"],
    ["top_probability", "their probabilities"],
  ]);
  const typeOf = ({ dtype, isList, length, names }: Feature) =>
    names ? "class label" : isList ? `list of ${dtype}${length === undefined ? "" : `, ${length}`}` : dtype;
  return [
    "## Columns",
    "",
    "| column | type | |",
    "| --- | --- | --- |",
    ...features.map((feature) => `| \`${feature.name}\` | ${typeOf(feature)} | ${meanings.get(feature.name)} |`),
    "",
  ];
}

function scoreWords({ scores, dtype }: LabelMapMetadata): string {
  const what = scores === "presence" ? "shares" : "logits";
  return dtype.startsWith("fp8") ? `${what}, as bits of ${dtype},` : `${what} (${dtype})`;
}

function statisticLines({ manifest: { parts }, counts: { labelled }, findings }: LabelCard): string[] {
  const { images, threshold, confidence, agreement, classFigures, classCount } = findings;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const rejected = parts.reduce((sum, part) => sum + part.rejected, 0);
  const several = findings.counts.filter(({ carried }) => carried > 1).reduce((sum, { images }) => sum + images, 0);
  const facts: [string, string][] = [
    ["images", formatCount(images)],
    ["with a label of the data set", formatCount(labelled)],
    ["could not be read", formatCount(rejected)],
    ["files", `${formatCount(parts.length)}, ${formatBytes(bytes)}`],
    [`carry several classes (score of ${threshold} or more)`, formatPercent(images === 0 ? 0 : several / images)],
  ];
  if (confidence !== null) facts.push(["mean probability of the best class", confidence.toFixed(2)]);
  if (agreement !== null) facts.push(["label is the annotator's best class", formatPercent(agreement)]);
  const frequent = classFigures.slice(0, FREQUENT);
  return [
    "## Statistics",
    "",
    ...markdownTable(["", ""], facts),
    "",
    ...(frequent.length === 0 ? [] : [
      `The most frequent of ${formatNumberOf(classCount, "class", "classes")} that are an image's best one:`,
      "",
      ...markdownTable(
        ["class", "images", "carried by"],
        frequent.map(({ name, images, carried }) => [markdownText(name), formatCount(images), formatCount(carried)]),
      ),
      "",
    ]),
  ];
}

/** Classes that the card lists. */
const FREQUENT = 10;

function originLines({ manifest, license, annotatorLicense, imagesLicense }: LabelCard): string[] {
  const { annotator } = manifest.configuration.metadata;
  const said = (text: string | undefined) => text === undefined ? "not stated" : markdownText(text);
  return [
    "## Origin and licences",
    "",
    "| | | licence |",
    "| --- | --- | --- |",
    `| label maps | this data set | ${said(license)} |`,
    `| annotator | ${markdownText(annotator.name)}, weights of SHA-256 \`${annotator.sha256}\` | ${
      said(annotatorLicense)
    } |`,
    `| images | not part of this data set | ${said(imagesLicense)} |`,
    "",
    "What made them is in `manifest.json`, `configuration`: annotator, size and resize of its images, engine.",
  ];
}
