/**
 * Files of which any bytes can be read, however many there are.
 *
 * @module
 */

import { fileError, readInto } from "./files.ts";

/** A file to read from. */
export interface RandomAccessFile {
  /** Bytes. */
  readonly size: number;
  /**
   * Some bytes, in an array of their own.
   *
   * @throws {RangeError} If the file ends before them.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/** Files that the system keeps open for a collection: a folder may have more parts than a process may open. */
const MOST_OPEN = 64;

/** Opens files and closes the one that was read longest ago when they become too many. */
export interface FilePool {
  /**
   * Opens a file.
   *
   * @throws {Deno.errors.NotFound} If there is no such file.
   */
  open(path: string, subject: string): RandomAccessFile;
}

/** Makes a pool without files. */
export function createFilePool(): FilePool {
  const handles = new Map<object, Deno.FsFile>();
  return {
    open(path, subject) {
      const identity = {};
      const handle = (): Deno.FsFile => {
        let file = handles.get(identity);
        if (file) handles.delete(identity);
        else file = Deno.openSync(path);
        handles.set(identity, file);
        for (const [other, open] of handles) {
          if (handles.size <= MOST_OPEN) break;
          handles.delete(other);
          open.close();
        }
        return file;
      };
      const close = () => {
        handles.get(identity)?.close();
        handles.delete(identity);
      };
      let size: number;
      try {
        const info = handle().statSync();
        if (info.isDirectory) throw new TypeError("it is a folder");
        ({ size } = info);
      } catch (error) {
        close();
        throw fileError(subject, error);
      }
      return {
        size,
        read(offset, length) {
          if (offset < 0 || length < 0 || offset + length > size) {
            throw new RangeError(`bytes ${offset} to ${offset + length} are not among the file's ${size}`);
          }
          const bytes = new Uint8Array(length);
          const file = handle();
          file.seekSync(offset, Deno.SeekMode.Start);
          const read = readInto(file, bytes);
          if (read < length) {
            throw new RangeError(`it ends at byte ${offset + read} and had ${size} when it was opened`);
          }
          return bytes;
        },
        close,
      };
    },
  };
}
