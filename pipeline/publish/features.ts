/**
 * What `datasets` calls features: the columns of label maps with their types, as a file's schema and a card's YAML say them.
 *
 * @module
 * @see https://huggingface.co/docs/datasets/about_dataset_features
 */

import type { Column } from "../../formats/columns/columns.ts";

/** A column as `datasets` sees it. */
export interface Feature {
  readonly name: string;
  /** Type of its values, in Arrow's words. */
  readonly dtype: string;
  readonly isList: boolean;
  /** Length of its lists, where all have the same. */
  readonly length?: number;
  /** Names of its values, which are classes. */
  readonly names?: readonly string[];
}

const DTYPES = {
  utf8: "string",
  int32: "int32",
  uint8: "uint8",
  uint16: "uint16",
  uint32: "uint32",
  float16: "float16",
  float32: "float32",
} as const;

/**
 * Features of columns.
 *
 * @param columns The columns, in order.
 * @param labels Names of the values of the column `label`, if it has names.
 * @returns A feature for each.
 */
export function featuresOf(columns: readonly Column[], labels: readonly string[] | undefined): Feature[] {
  return columns.map(({ name, type, shape, listLength }) => ({
    name,
    dtype: DTYPES[type],
    isList: shape === "list",
    ...(listLength === undefined ? {} : { length: listLength }),
    ...(name === "label" && labels ? { names: labels } : {}),
  }));
}

/**
 * Names as `datasets` wants those of classes: none twice.
 *
 * @param names Names by class index.
 * @param wnids Identifiers that tell classes of one name apart.
 * @returns The names; what is there twice has its identifier, or its index, behind it.
 */
export function distinctNames(names: readonly string[], wnids: readonly string[] | undefined): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const taken = new Set<string>();
  return names.map((name, index) => {
    let distinct = counts.get(name) === 1 ? name : `${name} (${wnids?.[index] ?? index})`;
    while (taken.has(distinct)) distinct = `${distinct} (${index})`;
    taken.add(distinct);
    return distinct;
  });
}

/**
 * What the entry `huggingface` of a file's schema says.
 *
 * @param features The file's features.
 * @returns The entry as JSON.
 */
export function schemaEntry(features: readonly Feature[]): string {
  const all = features.map(({ name, dtype, isList, length, names }) => {
    const value = names ? { names, _type: "ClassLabel" } : { dtype, _type: "Value" };
    return [name, isList ? { feature: value, ...(length === undefined ? {} : { length }), _type: "List" } : value];
  });
  return JSON.stringify({ info: { features: Object.fromEntries(all) } });
}

/**
 * Features as the YAML of a card says them.
 *
 * @param features The features.
 * @returns Lines of a list.
 */
export function featureLines(features: readonly Feature[]): string[] {
  return features.flatMap(({ name, dtype, isList, length, names }) => {
    const start = `- name: ${name}`;
    if (names) {
      const lines = names.map((name, index) => `      '${index}': ${yamlText(name)}`);
      return [start, "  dtype:", "    class_label:", "      names:", ...lines.map((line) => `  ${line}`)];
    }
    if (!isList) return [start, `  dtype: ${dtype}`];
    return [start, `  list: ${dtype}`, ...(length === undefined ? [] : [`  length: ${length}`])];
  });
}

/** Bytes of a value, where all have the same. */
const WIDTHS: Readonly<Record<string, number>> = { int32: 4, uint8: 1, uint16: 2, uint32: 4, float16: 2, float32: 4 };
/** Bytes of a class label, and of where a text or a list of any length ends, in Arrow's memory. */
const LABEL_WIDTH = 8;
const END_WIDTH = 4;

/**
 * Bytes that rows take once `datasets` has them, as Arrow does.
 *
 * @param features The features.
 * @param rows Number of rows.
 * @param sizes Bytes of all texts, and values in each list whose length the features do not say.
 * @returns The number of bytes.
 */
export function arrowBytes(
  features: readonly Feature[],
  rows: number,
  { textBytes, listLength }: { readonly textBytes: number; readonly listLength: number },
): number {
  return features.reduce((bytes, { dtype, isList, length, names }) => {
    if (dtype === "string") return bytes + textBytes + rows * END_WIDTH;
    const width = names ? LABEL_WIDTH : WIDTHS[dtype];
    if (!isList) return bytes + rows * width;
    return bytes + rows * (length === undefined ? listLength * width + END_WIDTH : length * width);
  }, 0);
}

/**
 * A text in YAML 1.1, whatever it holds.
 *
 * @param text The text.
 * @returns The text in quotes, on one line.
 */
export function yamlText(text: string): string {
  const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text.toWellFormed()).replaceAll(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, escape);
}
