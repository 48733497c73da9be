/**
 * The card of a published model: what the hub shows of it, how timm and this project load it, how it was trained, and how
 * good it was.
 *
 * @module
 * @see https://huggingface.co/docs/hub/model-cards
 */

import { printable } from "../../formats/base/printable.ts";
import type { Json } from "../../formats/base/json.ts";
import { formatCount, formatSize } from "../command/numbers.ts";
import { markdownTable } from "../command/text_table.ts";
import { publicName } from "../report/private_paths.ts";
import { type EpochSummary, measuresOf } from "../training/summary_file.ts";
import { yamlText } from "./features.ts";
import { licenceLines, type Licences, markdownText } from "./label_card.ts";

/** What a card of a model is made of. */
export interface RunCard extends Licences {
  readonly title: string;
  /** `owner/name` on the hub, where that is known. */
  readonly repository?: string;
  /** The network, by timm's name. */
  readonly network: string;
  readonly classes: number;
  /** `[H, W]` of its images, pixels. */
  readonly size: readonly number[];
  /** The settings of the training, by the names that they have in its config.yaml. */
  readonly settings: Readonly<Record<string, Json>>;
  /** The epoch whose weights are published; undefined if none has ended. */
  readonly epoch?: EpochSummary;
  /** Whether that is the best one by the validation, and not the last. */
  readonly isBest: boolean;
}

/** Settings that say how a training ran, and nothing of what it made. */
const OF_THE_MACHINE = new Set(["output", "cache", "workers", "save-minutes", "log", "log-every", "validate-every"]);

/** Settings that name what it was trained on. */
const DATA = ["images", "other-images", "maps", "other-maps"];

/**
 * Writes the card.
 *
 * @param card What it is made of.
 * @returns The Markdown, with the YAML before it.
 */
export function runCard(card: RunCard): string {
  const { title, network, classes, size, isBest, epoch } = card;
  const which = epoch === undefined ? "" : `, the weights after epoch ${epoch.epoch}${isBest ? ", the best one" : ""}`;
  const lines = [
    ...yamlLines(card),
    "",
    `# ${markdownText(title)}`,
    "",
    `A classifier: ${markdownText(network)} for images of ${formatSize(size)} pixels, ${
      formatCount(classes)
    } classes${which}.`,
    "",
    ...useLines(card),
    ...measureLines(card),
    ...trainingLines(card),
    ...licenceTable(card),
  ];
  return `${lines.join("\n")}\n`;
}

/** The names of what it was trained on that can be told to others. */
function dataNames({ settings }: RunCard): string[] {
  return DATA.flatMap((name) => settings[name] ?? []).map(shownValue);
}

function yamlLines(card: RunCard): string[] {
  const { title, license, epoch, settings } = card;
  const found = dataNames(card).flatMap((name) => /^hf:datasets\/([^@:]+)/.exec(name)?.[1] ?? []);
  const datasets = [...new Set(found)];
  const validation = settings.validation ?? settings.images;
  const measures = epoch?.evaluation ? measuresOf(epoch.evaluation) : [];
  return [
    "---",
    ...licenceLines(license),
    "library_name: timm",
    "pipeline_tag: image-classification",
    "tags:",
    "- image-classification",
    "- timm",
    "- relabel",
    ...(datasets.length > 0 ? ["datasets:", ...datasets.map((name) => `- ${yamlText(name)}`)] : []),
    ...(measures.length === 0 ? [] : [
      "model-index:",
      `- name: ${yamlText(printable(title))}`,
      "  results:",
      "  - task:",
      "      type: image-classification",
      "    dataset:",
      `      name: ${yamlText(printable(shownValue(validation as string)))}`,
      "      type: imagefolder",
      "    metrics:",
      ...measures.flatMap(({ title, name, percent }) => [
        `    - type: ${name === "top1" ? "accuracy" : name}`,
        `      name: ${title}`,
        `      value: ${percent.toFixed(2)}`,
      ]),
    ]),
    "---",
  ];
}

function useLines({ repository = "OWNER/NAME" }: RunCard): string[] {
  return [
    "## Use",
    "",
    "```python",
    "import timm",
    "",
    `model = timm.create_model("hf-hub:${repository}", pretrained=True)`,
    "```",
    "",
    "where the network is one of timm's, and in any case",
    "",
    "```bash",
    `relabel evaluate IMAGES --model hf:${repository}`,
    `relabel label IMAGES --annotator hf:${repository}`,
    "```",
    "",
  ];
}

function measureLines({ epoch, settings }: RunCard): string[] {
  if (!epoch) return [];
  const { evaluation, trainLoss } = epoch;
  const rows = [
    ...(evaluation
      ? measuresOf(evaluation).map(({ title, percent }) => [`${title} on validation`, `${percent.toFixed(2)} %`])
      : []),
    ...(evaluation ? [["loss on validation", evaluation.loss.toFixed(4)]] : []),
    ["loss of training", trainLoss.toFixed(4)],
  ];
  const on = settings.validation === null || settings.validation === undefined
    ? []
    : [`Validation: ${markdownText(shownValue(settings.validation as string))}.`, ""];
  return ["## Measures", "", ...markdownTable(["", ""], rows), "", ...on];
}

function trainingLines({ settings }: RunCard): string[] {
  const rows = Object.entries(settings)
    .filter(([name, value]) => value !== null && !OF_THE_MACHINE.has(name))
    .map((
      [name, value],
    ) => [name, markdownText(Array.isArray(value) ? value.map(shownValue).join(", ") : shownValue(value))]);
  return [
    "## Training",
    "",
    "With [relabel](https://arxiv.org/abs/2101.05022)'s `train`; settings by the names of its options:",
    "",
    ...markdownTable(["setting", "value"], rows),
    "",
  ];
}

/** A folder of a data set in the hub's cache. */
const IN_CACHE = /datasets--(.+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})$/;

/** A value for others: of paths of this machine only the last name, and of the hub's cache what it is of. */
function shownValue(value: Json | undefined): string {
  const cached = typeof value === "string" ? IN_CACHE.exec(value) : null;
  if (cached) return `hf:datasets/${cached[1]}/${cached[2]}@${cached[3]}`;
  if (typeof value !== "string" || value.startsWith("hf:") || !/[\\/]/.test(value)) return String(value);
  return publicName(value);
}

function licenceTable({ license, imagesLicense }: RunCard): string[] {
  const said = (text: string | undefined) => text === undefined ? "not stated" : markdownText(text);
  return [
    "## Licences",
    "",
    "| | licence |",
    "| --- | --- |",
    `| weights | ${said(license)} |`,
    `| images of the training | ${said(imagesLicense)} |`,
  ];
}
