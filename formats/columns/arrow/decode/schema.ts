/**
 * The schema of an Arrow file, and which buffers of a record batch belong to which column.
 *
 * @module
 */

import type { ValueType } from "../../columns.ts";
import { PRECISIONS, TYPES } from "../format.ts";
import type { FlatTable } from "./flatbuffer.ts";

/** What a file holds. */
export interface Schema {
  /** The schema's metadata. */
  readonly entries: ReadonlyMap<string, string>;
  readonly columns: ReadonlyMap<string, ArrowColumn>;
  /** Nodes that a record batch has for the column. */
  readonly nodes: number;
  readonly buffers: number;
}

/** A column. */
export interface ArrowColumn {
  /** In this format's words, or in Arrow's where it has none: `list of uint16`, `float64`. */
  readonly description: string;
  /** Length of its lists, where all have the same. */
  readonly listLength?: number;
  /** What it holds, if that can be read. */
  readonly values?: { readonly type: ValueType; readonly hasLongOffsets: boolean };
  /** Where the offsets of its lists are, if they have offsets. */
  readonly listOffsets?: "short" | "long";
  /** Position of its first node and buffer in a record batch; a list's values have the next ones. */
  readonly node: number;
  readonly buffer: number;
}

/** Columns in columns, and all of them together, at most. */
const MOST_DEPTH = 32;
const MOST_FIELDS = 10_000;

/** Nodes and buffers of a field and what is in it. */
interface Extent {
  nodes: number;
  buffers: number;
}

/**
 * Reads a schema.
 *
 * @param table The schema's flatbuffer.
 * @returns Metadata and columns.
 * @throws {RangeError} If it contradicts itself, or holds what is not read here.
 */
export function decodeSchema(table: FlatTable): Schema {
  if (table.int(0, 2) !== 0) throw new RangeError("its numbers are big-endian");
  const entries = table.tables(2).map((entry) => [entry.string(0) ?? "", entry.string(1) ?? ""] as const);
  const budget = { fields: MOST_FIELDS };
  const columns = new Map<string, ArrowColumn>();
  const total = { nodes: 0, buffers: 0 };
  for (const field of table.tables(1)) {
    const name = field.string(0) ?? "";
    if (columns.has(name)) throw new RangeError(`two columns are called ${JSON.stringify(name)}`);
    columns.set(name, column(field, total));
    const { nodes, buffers } = extent(field, name, 0, budget);
    total.nodes += nodes;
    total.buffers += buffers;
  }
  return { entries: new Map(entries), columns, ...total };
}

function column(field: FlatTable, { nodes: node, buffers: buffer }: Extent): ArrowColumn {
  const place = { node, buffer };
  const type = field.int(2, 1);
  const children = field.tables(5);
  const isList = type === TYPES.list || type === TYPES.largeList || type === TYPES.fixedSizeList;
  if (!isList || children.length !== 1) return { ...valueType(field), ...place };
  const { description, values } = valueType(children[0]);
  return {
    description: `list of ${description}`,
    values,
    listLength: type === TYPES.fixedSizeList ? field.table(3)?.int(0, 4) : undefined,
    listOffsets: type === TYPES.list ? "short" : type === TYPES.largeList ? "long" : undefined,
    ...place,
  };
}

/** Arrow's names of types that are not read here, for messages. */
const NAMES: Readonly<Record<number, string>> = { 4: "binary", 6: "bool", 13: "a structure", 24: "utf8 view" };

function valueType(field: FlatTable): Pick<ArrowColumn, "description" | "values"> {
  if (field.table(4)) return { description: "a dictionary" };
  const type = field.int(2, 1);
  const parameters = field.table(3);
  const known = (type: ValueType, hasLongOffsets = false) => ({ description: type, values: { type, hasLongOffsets } });
  switch (type) {
    case TYPES.utf8:
      return known("utf8");
    case TYPES.largeUtf8:
      return known("utf8", true);
    case TYPES.float: {
      const precision = parameters?.int(0, 2);
      if (precision === PRECISIONS.half) return known("float16");
      return precision === PRECISIONS.single ? known("float32") : { description: "float64" };
    }
    case TYPES.int: {
      const description = `${parameters?.int(1, 1) ? "" : "u"}int${parameters?.int(0, 4) ?? " of no width"}`;
      const name = (["int32", "uint8", "uint16", "uint32"] as const).find((name) => name === description);
      return name ? known(name) : { description };
    }
  }
  return { description: NAMES[type] ?? `type ${type}` };
}

/** Buffers of a field itself, by its type; those of what is in it come after them. */
const BUFFERS = [[1], [13, 16], [2, 3, 6, 7, 8, 9, 10, 11, 12, 15, 17, 18, 21], [4, 5, 19, 20]];

function extent(field: FlatTable, name: string, depth: number, budget: { fields: number }): Extent {
  if (depth > MOST_DEPTH || --budget.fields < 0) throw new RangeError("its columns are nested too deeply");
  if (field.table(4)) return { nodes: 1, buffers: 2 };
  const buffers = BUFFERS.findIndex((types) => types.includes(field.int(2, 1)));
  if (buffers < 0) {
    throw new RangeError(`column ${JSON.stringify(name)} is of type ${field.int(2, 1)}, not read here`);
  }
  const whole = { nodes: 1, buffers };
  for (const child of field.tables(5)) {
    const { nodes, buffers } = extent(child, name, depth + 1, budget);
    whole.nodes += nodes;
    whole.buffers += buffers;
  }
  return whole;
}
