/**
 * Which label is whose in a WebDataset.
 *
 * Members whose names agree up to the first dot of their last part are a **sample**. Labels are the integer in `.cls`, and
 * `label` (or `cls`) in a JSON object in `.json`; `.cls` counts where there are both. A label is that of the images of its
 * sample whose names go on from its own: `1.cls` labels `1.jpg` and `1.left.jpg`, and of `a b.c.cls` and `a b.d.cls` each
 * labels the image called like it. Members beside each other are a sample as they come, as in the `webdataset` package;
 * what is left of images and labels at the end of a shard is put together by name.
 *
 * @module
 */

import { type FoundLabel, labelOfNumber } from "./survey.ts";

/** What a label is in. */
export type LabelKind = "cls" | "json";

/** Labels of members by their names without the last extension, and by what they are in. */
export type SampleLabels = Map<string, Partial<Record<LabelKind, FoundLabel>>>;

/** Bytes of a label; more are no label, and are not read. */
export const LARGEST_LABEL_MEMBER = { cls: 1024, json: 2 ** 20 } as const;

/**
 * The sample that a member belongs to.
 *
 * @param name The member's.
 * @returns Its path up to the first dot of its last part; null if that has none.
 */
export function sampleKey(name: string): string | null {
  const slash = name.lastIndexOf("/") + 1;
  const dot = name.indexOf(".", slash);
  return dot < 0 ? null : name.slice(0, dot);
}

/**
 * A member's name without its last extension.
 *
 * @param name The member's, which has a dot.
 * @returns What comes before the last dot.
 */
export function stemOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

/**
 * Whether a member holds a label, by its name.
 *
 * @param name The member's.
 * @returns What the label is in; undefined if it holds none.
 */
export function labelKind(name: string): LabelKind | undefined {
  return /\.(cls|json)$/i.exec(name)?.[1].toLowerCase() as LabelKind | undefined;
}

/**
 * Reads a label.
 *
 * @param kind What it is in.
 * @param bytes The member's content; null if it is too large.
 * @returns The label, or why there is none; undefined if the member says nothing of a label.
 */
export function parseLabel(kind: LabelKind, bytes: Uint8Array | null): FoundLabel | undefined {
  if (bytes === null) return unlabelled(`whose .${kind} is larger than ${LARGEST_LABEL_MEMBER[kind]} bytes`);
  const text = new TextDecoder().decode(bytes).trim();
  if (kind === "cls") {
    return /^-?\d+$/.test(text) ? labelOfNumber(Number(text)) : unlabelled("whose .cls holds no whole number");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unlabelled("whose .json is not JSON");
  }
  const { label, cls } = (value ?? {}) as Record<string, unknown>;
  const stated = [label, cls].filter((one) => one !== undefined && one !== null);
  if (stated.length === 0) return undefined;
  const numbers = new Set(stated.filter((one) => typeof one === "number"));
  if (numbers.size > 1) return unlabelled(DIFFERENT);
  return labelOfNumber([...numbers][0] ?? stated[0]);
}

/**
 * Adds a label to those of its sample, where one of the same name and kind may say another.
 *
 * @param labels The labels that are known.
 * @param stem The member's name without its last extension.
 * @param kind What the label is in.
 * @param found The label, or why there is none.
 */
export function addLabel(labels: SampleLabels, stem: string, kind: LabelKind, found: FoundLabel): void {
  const known = labels.get(stem) ?? {};
  const isOther = known[kind] !== undefined && known[kind].label !== found.label;
  labels.set(stem, { ...known, [kind]: isOther ? unlabelled(DIFFERENT) : found });
}

/** The label of an image, and where it is from. */
export interface ImageLabel {
  readonly found: FoundLabel;
  readonly stem: string;
  readonly kind: LabelKind;
  /** Whether a `.json` says another label than the `.cls` that counts. */
  readonly isContradicted: boolean;
}

/**
 * The label of an image: of those whose names the image's goes on from, that with the longest name.
 *
 * @param image The image's name.
 * @param labels Labels of its sample, and maybe of others.
 * @returns The label, undefined if there is none of the image.
 */
export function labelOf(image: string, labels: SampleLabels): ImageLabel | undefined {
  if (labels.size === 0) return undefined;
  const slash = image.lastIndexOf("/") + 1;
  for (let dot = image.lastIndexOf("."); dot >= slash; dot = image.lastIndexOf(".", dot - 1)) {
    const stem = image.slice(0, dot);
    const { cls, json } = labels.get(stem) ?? {};
    const found = cls ?? json;
    if (!found) {
      if (dot === 0) return undefined;
      continue;
    }
    const isContradicted = cls !== undefined && typeof json?.label === "number" && json.label !== cls.label;
    return { found, stem, kind: cls ? "cls" : "json", isContradicted };
  }
}

const DIFFERENT = "with two labels that differ";

function unlabelled(reason: string): FoundLabel {
  return { label: null, unlabelled: reason };
}

/** An image that waits for its label. */
interface Waiting {
  readonly position: number;
  readonly name: string;
}

/** Whom to tell of the label of an image: what it is, or why there is none. */
export type OnLabel = (image: Waiting, label: ImageLabel | { readonly none: string }) => void;

/** Members of a shard as they come, put together to samples. */
export interface Samples {
  addImage(position: number, name: string): void;
  /** An image that takes no label: those beside it are its own, and of no other image elsewhere. */
  addUnreadable(name: string): void;
  addLabel(name: string, kind: LabelKind, found: FoundLabel): void;
  /** Says that the shard is at its end. */
  end(): void;
  /** Labels that are of no image, so far. */
  unused(): number;
}

/** Characters of names that wait for a label or an image, with {@linkcode OVERHEAD} for each name. */
const MOST_WAITING = 2 ** 26;
const OVERHEAD = 64;

/**
 * Begins to put members together. Of each image `onLabel` is told once: when the next sample begins, or at the end of the
 * shard if its label is not beside it.
 *
 * @param onLabel Told of each image.
 * @param most Characters of names that wait for a label or an image, with 64 for each name; beyond it what waits is given up.
 * @returns What takes the members, one after the other.
 */
export function createSamples(onLabel: OnLabel, most = MOST_WAITING): Samples {
  let key: string | null = null;
  let images: Waiting[] = [];
  let hasImages = false;
  let labels: SampleLabels = new Map();
  let leftImages: Waiting[] = [];
  let leftLabels: SampleLabels = new Map();
  let waiting = 0;
  let isFull = false;
  let unused = 0;

  function begin(name: string): void {
    const next = sampleKey(name);
    if (next === key && waiting <= most) return;
    finishSample();
    key = next;
  }

  function finishSample(): void {
    const used = new Set<string>();
    for (const image of images) {
      const label = labelOf(image.name, labels);
      if (label) onLabel(image, label);
      else leftImages.push(image);
      if (label) used.add(label.stem);
    }
    if (hasImages) unused += labels.size - used.size;
    else {
      for (const [stem, kinds] of labels) {
        for (const [kind, found] of Object.entries(kinds)) addLabel(leftLabels, stem, kind as LabelKind, found);
      }
    }
    [images, labels, hasImages] = [[], new Map(), false];
    if (leftImages.length === 0 && leftLabels.size === 0) waiting = 0;
    if (waiting <= most) return;
    isFull = true;
    join();
  }

  /** Puts together what is left. */
  function join(): void {
    const used = new Set<string>();
    for (const image of leftImages) {
      const label = labelOf(image.name, leftLabels);
      if (label) used.add(label.stem);
      onLabel(image, label ?? { none: isFull ? TOO_FAR : NO_LABEL });
    }
    unused += leftLabels.size - used.size;
    [leftImages, leftLabels, waiting] = [[], new Map(), 0];
  }

  return {
    addImage(position, name) {
      begin(name);
      images.push({ position, name });
      hasImages = true;
      waiting += name.length + OVERHEAD;
    },
    addUnreadable(name) {
      begin(name);
      hasImages = true;
    },
    addLabel(name, kind, found) {
      begin(name);
      addLabel(labels, stemOf(name), kind, found);
      waiting += name.length + OVERHEAD;
    },
    end() {
      finishSample();
      join();
    },
    unused: () => unused,
  };
}

const NO_LABEL = "without a .cls or .json of their name";
const TOO_FAR = "without a .cls or .json of their name in the same part of a large shard";
