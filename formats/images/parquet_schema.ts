/**
 * The columns of any Parquet file, as far as images and labels can be in them.
 *
 * @module
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */

import type { SchemaElement } from "../columns/parquet/decode/footer.ts";
import { PHYSICAL_NAMES, PHYSICAL_TYPES, REPETITION } from "../columns/parquet/format.ts";

/** A column of values that is not within a list. */
export interface ValueColumn {
  /** Position among the chunks of a row group. */
  readonly position: number;
  /** In Parquet's words: `utf8`, `int64`, `byte_array`. */
  readonly description: string;
  /** Parquet's number of the physical type. */
  readonly physical: number;
  readonly kind: "number" | "text" | "bytes" | "other";
  readonly isUnsigned: boolean;
  /** Bytes of a value, where all have as many. */
  readonly width: number;
  /** Definition level of a value that is there. */
  readonly definition: number;
}

/** Numbers of the older annotations, in Parquet's order. */
const CONVERTED_TYPES =
  ("utf8 map map_key_value list enum decimal date time_millis time_micros timestamp_millis timestamp_micros uint_8 uint_16 " +
    "uint_32 uint_64 int_8 int_16 int_32 int_64 json bson interval").split(" ");

/** What the newer annotations are called, by their fields. */
const LOGICAL_TYPES: Readonly<Record<number, string>> = {
  1: "utf8",
  2: "map",
  3: "list",
  4: "enum",
  5: "decimal",
  6: "date",
  7: "time",
  8: "timestamp",
  11: "null",
  12: "json",
  13: "bson",
  14: "uuid",
  15: "float16",
};

const WIDTHS: Readonly<Record<number, number>> = {
  [PHYSICAL_TYPES.INT32]: 4,
  [PHYSICAL_TYPES.INT64]: 8,
  [PHYSICAL_TYPES.FLOAT]: 4,
  [PHYSICAL_TYPES.DOUBLE]: 8,
};

/**
 * Describes an element of the schema.
 *
 * @param element The element.
 * @param definitionAbove Definition level of what holds it.
 * @returns What its values are, or undefined if it is a structure or repeated.
 */
export function valueColumn(element: SchemaElement, definitionAbove = 0): ValueColumn | undefined {
  const { fields, repetition, children, leavesBefore } = element;
  const physical = fields[1];
  if (children.length > 0 || repetition === REPETITION.repeated || typeof physical !== "number") return undefined;
  const { annotation, isUnsigned } = annotationOf(element);
  const isFloat16 = annotation === "float16" && fields[2] === 2;
  return {
    position: leavesBefore,
    description: annotation ?? PHYSICAL_NAMES[physical] ?? `type ${physical}`,
    physical,
    kind: kindOf(physical, annotation, isFloat16),
    isUnsigned,
    width: isFloat16 ? 2 : WIDTHS[physical] ?? 0,
    definition: definitionAbove + (repetition === REPETITION.optional ? 1 : 0),
  };
}

function annotationOf({ fields }: SchemaElement): { annotation?: string; isUnsigned: boolean } {
  const logical = fields[10];
  if (typeof logical === "object" && !Array.isArray(logical) && !(logical instanceof Uint8Array)) {
    const [[field, value] = []] = Object.entries(logical);
    if (field === "10" && typeof value === "object") {
      const { 1: bits, 2: isSigned } = value as Record<number, unknown>;
      return { annotation: `${isSigned ? "" : "u"}int_${bits}`, isUnsigned: isSigned !== true };
    }
    if (field !== undefined) return { annotation: LOGICAL_TYPES[Number(field)] ?? `type ${field}`, isUnsigned: false };
  }
  const converted = fields[6];
  if (typeof converted !== "number") return { isUnsigned: false };
  const annotation = CONVERTED_TYPES[converted] ?? `type ${converted}`;
  return { annotation, isUnsigned: annotation.startsWith("uint_") };
}

function kindOf(physical: number, annotation: string | undefined, isFloat16: boolean): ValueColumn["kind"] {
  const isPlain = annotation === undefined;
  switch (physical) {
    case PHYSICAL_TYPES.BOOLEAN:
    case PHYSICAL_TYPES.FLOAT:
    case PHYSICAL_TYPES.DOUBLE:
      return isPlain ? "number" : "other";
    case PHYSICAL_TYPES.INT32:
    case PHYSICAL_TYPES.INT64:
      return isPlain || /^u?int_\d+$/.test(annotation) ? "number" : "other";
    case PHYSICAL_TYPES.BYTE_ARRAY:
      return isPlain ? "bytes" : annotation === "utf8" || annotation === "enum" ? "text" : "other";
    case PHYSICAL_TYPES.FIXED_LEN_BYTE_ARRAY:
      return isFloat16 ? "number" : "other";
    default:
      return "other";
  }
}
