/**
 * The file of chosen images: their keys, one a line, as `deno task train --subset` takes them.
 *
 * @module
 */

import { dirname } from "@std/path";
import { createWholeFile, ifThere, withSubject } from "../../formats/base/files.ts";
import { RequestError } from "./request_error.ts";

/** Writes selections to one file. */
export interface SelectionFile {
  /**
   * Writes keys, instead of what was there.
   *
   * @param keys Some at a time.
   * @param overwrite Whether to replace a file that this process did not write.
   * @returns How many were written.
   * @throws {RequestError} If there is such a file and it is to be kept, a key does not fit on one line, or there are none.
   * @throws {Error} If the file cannot be written; what was there is kept, and the next attempt is a new one.
   */
  write(keys: AsyncIterable<readonly string[]> | Iterable<readonly string[]>, overwrite: boolean): Promise<number>;
}

/**
 * Checks that a selection can be written, before anybody chooses images.
 *
 * @param path The file.
 * @throws {Deno.errors.NotFound} If its folder is not there.
 * @throws {TypeError} If it is a folder.
 */
export function checkSelectionPath(path: string): void {
  const subject = `Cannot write the selection "${path}"`;
  if (versionOf(path) === FOLDER) throw new TypeError(`${subject}: it is a folder`);
  withSubject(subject, () => Deno.statSync(dirname(path)));
}

/**
 * Prepares to write selections.
 *
 * @param path The file.
 * @returns What writes selections into the file.
 */
export function selectionFile(path: string): SelectionFile {
  const subject = `Cannot write the selection "${path}"`;
  let ours: string | undefined;
  let isBusy = false;

  async function writeKeys(keys: Parameters<SelectionFile["write"]>[0]): Promise<number> {
    using file = createWholeFile(path, subject);
    let count = 0;
    const encoder = new TextEncoder();
    for await (const some of keys) {
      const broken = some.find((key) => /[\r\n]/.test(key));
      if (broken !== undefined) {
        throw new RequestError(400, `${subject}: key ${JSON.stringify(broken)} does not fit on one line`);
      }
      file.write([encoder.encode(some.map((key) => `${key}\n`).join(""))]);
      count += some.length;
    }
    if (count === 0) throw new RequestError(400, `${subject}: no image is selected`);
    file.finish();
    ours = versionOf(path);
    return count;
  }

  return {
    async write(keys, overwrite) {
      if (isBusy) throw new RequestError(409, `${subject}: another selection is being written`);
      const found = versionOf(path);
      if (found === FOLDER) throw new RequestError(409, `${subject}: it is a folder`);
      if (found !== undefined && found !== ours && !overwrite) {
        throw new RequestError(409, `${subject}: there is a file of that name, which is not of this session`, {
          exists: true,
        });
      }
      isBusy = true;
      try {
        return await writeKeys(keys);
      } finally {
        isBusy = false;
      }
    },
  };
}

const FOLDER = "folder";

/** What tells a file from one that another program wrote over it; undefined if there is none. */
function versionOf(path: string): string | undefined {
  const info = withSubject(`Cannot write the selection "${path}"`, () => ifThere(() => Deno.statSync(path)));
  return info?.isDirectory ? FOLDER : info && [info.ino, info.mtime?.getTime(), info.size].join();
}
