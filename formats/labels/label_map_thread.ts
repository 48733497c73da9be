/**
 * The thread that reads label maps: all that are open in a process, one call after the other. So two calls that want one
 * page read it once.
 *
 * @module
 */

import { serveThread } from "../base/thread.ts";
import {
  findKey,
  type LabelMapReader,
  openLabelMapReader,
  readColumns,
  readList,
  readMaps,
} from "./label_map_reader.ts";

const readers = new Map<number, LabelMapReader>();
let opened = 0;

const functions = {
  open(path: string, cacheBytes: number) {
    const reader = openLabelMapReader(path, cacheBytes);
    readers.set(++opened, reader);
    return { id: opened, description: reader.description };
  },
  columns: (id: number, start: number, end: number, withMaps: boolean) =>
    readColumns(readers.get(id)!, start, end, withMaps),
  list: (id: number, start: number, end: number) => readList(readers.get(id)!, start, end),
  maps: (id: number, rows?: ArrayLike<number>) => readMaps(readers.get(id)!, rows),
  find: (id: number, key: string) => findKey(readers.get(id)!, key),
  close(id: number) {
    readers.get(id)!.close();
    readers.delete(id);
  },
};

/** What the thread does. */
export type LabelMapFunctions = typeof functions;

serveThread(functions);
