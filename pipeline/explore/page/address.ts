/**
 * What is being looked at, as the part of the page's address after `#`: reloading, going back and sending the address to
 * a colleague on the same machine keep it.
 *
 * @module
 */

import { MULTI_LABEL_THRESHOLD } from "../../../formats/labels/multi_label.ts";
import type { MissingRule, PoolingMode } from "../../../kernels/operations/label_pooling/pooling_options.ts";
import { type Box, boxFrom } from "./crop_box.ts";

/** Orders of images, and what they are called. */
export const ORDERS = {
  key: "key",
  suspicious: "suspicious first",
  "least-confident": "least confident first",
  "most-classes": "most classes first",
} as const;

/** The variants of LabelPooling. */
export const MODES: readonly PoolingMode[] = ["local-multi", "local-single", "global-multi", "global-single"];

/** What a class may count in a cell that does not hold it. */
export const MISSING_RULES: readonly MissingRule[] = ["zero", "uniform", "renormalise"];

/** Which images are listed, and in which order. */
export interface Filter {
  /** A text that keys are to contain. */
  readonly key: string;
  /** The annotator's class that they carry. */
  readonly class: number | null;
  /** From which score on an image carries a class. */
  readonly threshold: number;
  /** The data set's class that they are labelled with. */
  readonly label: number | null;
  /** A condition in SQL. */
  readonly where: string;
  /** Whether only those images are listed on whose best class the two compared folders do not agree. */
  readonly differs: boolean;
  readonly order: keyof typeof ORDERS;
}

/** What is being looked at. */
export interface View {
  readonly filter: Filter;
  /** Number of the page, from 0. */
  readonly page: number;
  /** The key of the image that is large, null for the list. */
  readonly image: string | null;
  /** The class whose heat map lies over it; null for the best, -1 for none. */
  readonly heat: number | null;
  readonly mode: PoolingMode;
  readonly missing: MissingRule;
  readonly temperature: number;
  readonly box: Box;
}

/** What is looked at first. */
export const FIRST_VIEW: View = {
  filter: {
    key: "",
    class: null,
    threshold: MULTI_LABEL_THRESHOLD,
    label: null,
    where: "",
    differs: false,
    order: "key",
  },
  page: 0,
  image: null,
  heat: null,
  mode: "local-multi",
  missing: "zero",
  temperature: 1,
  box: { top: 0.25, left: 0.25, height: 0.5, width: 0.5 },
};

/**
 * A filter as the server is asked for it.
 *
 * @param filter The filter.
 * @returns Its parameters, without those that say nothing.
 */
export function filterParameters(filter: Filter): URLSearchParams {
  const parameters = new URLSearchParams();
  if (filter.key !== "") parameters.set("key", filter.key);
  if (filter.class !== null) parameters.set("class", String(filter.class));
  if (filter.threshold !== MULTI_LABEL_THRESHOLD) parameters.set("threshold", String(filter.threshold));
  if (filter.label !== null) parameters.set("label", String(filter.label));
  if (filter.where !== "") parameters.set("where", filter.where);
  if (filter.differs) parameters.set("differs", "1");
  if (filter.order !== "key") parameters.set("order", filter.order);
  return parameters;
}

/**
 * The address of a view.
 *
 * @param view The view.
 * @returns `#` and what differs from the first view.
 */
export function addressOf(view: View): string {
  const parameters = filterParameters(view.filter);
  if (view.page > 0) parameters.set("page", String(view.page + 1));
  if (view.image !== null) {
    parameters.set("image", view.image);
    if (view.heat !== null) parameters.set("heat", String(view.heat));
    if (view.mode !== FIRST_VIEW.mode) parameters.set("mode", view.mode);
    if (view.missing !== FIRST_VIEW.missing) parameters.set("missing", view.missing);
    if (view.temperature !== FIRST_VIEW.temperature) parameters.set("temperature", String(view.temperature));
    const { top, left, height, width } = view.box;
    const box = [top, left, height, width].join(",");
    if (box !== "0.25,0.25,0.5,0.5") parameters.set("crop", box);
  }
  return `#${parameters}`;
}

/**
 * The view of an address.
 *
 * @param hash `#...`; what is not understood is left out.
 * @returns The view.
 */
export function viewOf(hash: string): View {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = (name: string, least: number) => {
    const value = Number(parameters.get(name) ?? NaN);
    return Number.isSafeInteger(value) && value >= least ? value : null;
  };
  const real = (name: string, range: readonly [number, number], otherwise: number) => {
    const value = Number(parameters.get(name) ?? NaN);
    return value >= range[0] && value <= range[1] ? value : otherwise;
  };
  const one = <Name extends string>(name: string, names: readonly Name[]) =>
    names.find((choice) => choice === parameters.get(name)) ?? names[0];
  return {
    filter: {
      key: parameters.get("key") ?? "",
      class: whole("class", 0),
      threshold: real("threshold", [0, 1], MULTI_LABEL_THRESHOLD),
      label: whole("label", 0),
      where: parameters.get("where") ?? "",
      differs: parameters.get("differs") === "1",
      order: one("order", Object.keys(ORDERS) as Filter["order"][]),
    },
    page: (whole("page", 1) ?? 1) - 1,
    image: parameters.get("image"),
    heat: whole("heat", -1),
    mode: one("mode", MODES),
    missing: one("missing", MISSING_RULES),
    temperature: real("temperature", TEMPERATURES, 1),
    box: boxFrom(parameters.get("crop")) ?? FIRST_VIEW.box,
  };
}

/** Temperatures that can be chosen, as `deno task train` takes them. */
export const TEMPERATURES = [1e-3, 1e3] as const;
