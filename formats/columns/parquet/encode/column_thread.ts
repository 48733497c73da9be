/**
 * The thread that encodes the columns of Parquet files: all that are being written in a process, one group of rows after
 * the other.
 *
 * @module
 */

import { serveThread } from "../../../base/thread.ts";
import type { PlacedColumn } from "../../columns.ts";
import { encodeColumn } from "./column.ts";

const functions = { encodeColumns: (columns: readonly PlacedColumn[]) => columns.map(encodeColumn) };

/** What the thread does. */
export type ColumnFunctions = typeof functions;

serveThread(functions);
