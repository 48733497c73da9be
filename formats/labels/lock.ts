/**
 * One process at a time: an advisory lock on a file that is there only while it is held, or after a process was killed.
 *
 * @module
 */

import { fileError } from "./files.ts";

/** How long a lock may be held by one who only looks, milliseconds, and between tries. */
const PATIENCE = 500;
const PAUSE = 5;

/**
 * Takes a lock, or fails within half a second. The file's time is then when it was taken.
 *
 * @param path The lock's file; its folder must exist.
 * @param subject How the message starts if another process holds it: `Cannot write label maps to "labels"`.
 * @returns Gives the lock back and removes the file.
 * @throws {Deno.errors.Busy} If another process holds it.
 */
export function takeLock(path: string, subject: string): () => void {
  while (true) {
    const file = openLock(path, subject);
    if (!tryPatiently(file)) {
      file.close();
      throw new Deno.errors.Busy(`${subject}: another process is writing there`);
    }
    if (isStillThere(file, path)) {
      file.utimeSync(new Date(), new Date());
      return () => {
        Deno.removeSync(path);
        file.close();
      };
    }
    // Who held the lock removed the file between opening and locking: this is a lock nobody else will see.
    file.close();
  }
}

/**
 * Whether a process holds a lock.
 *
 * @param path The lock's file, which need not exist.
 * @returns When it was taken, or undefined if nobody holds it.
 */
export function lockHeldSince(path: string): Date | undefined {
  try {
    using file = Deno.openSync(path);
    return file.tryLockSync(false) ? undefined : file.statSync().mtime ?? new Date();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(`Cannot look at lock "${path}"`, error);
  }
}

function tryPatiently(file: Deno.FsFile): boolean {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < PATIENCE; waited += PAUSE) {
    if (file.tryLockSync(true)) return true;
    Atomics.wait(sleep, 0, 0, PAUSE);
  }
  return false;
}

function openLock(path: string, subject: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true });
  } catch (error) {
    throw fileError(subject, error);
  }
}

/** Whether a path still names the file that was opened under it. Windows keeps a name while its file is open. */
function isStillThere(file: Deno.FsFile, path: string): boolean {
  if (Deno.build.os === "windows") return true;
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
