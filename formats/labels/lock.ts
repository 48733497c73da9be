/**
 * One process at a time: an advisory lock on a file that is there only while it is held, or after a process was killed.
 *
 * @module
 */

import { fileError } from "./files.ts";

/**
 * Takes a lock, or fails at once.
 *
 * @param path The lock's file; its folder must exist.
 * @param subject How the message starts if another process holds it: `Cannot write label maps to "labels"`.
 * @returns Gives the lock back and removes the file.
 * @throws {Deno.errors.Busy} If another process holds it.
 */
export function takeLock(path: string, subject: string): () => void {
  while (true) {
    const file = openLock(path, subject);
    if (!file.tryLockSync(true)) {
      file.close();
      throw new Deno.errors.Busy(`${subject}: another process is writing there`);
    }
    if (isStillThere(file, path)) {
      return () => {
        Deno.removeSync(path);
        file.close();
      };
    }
    // Who held the lock removed the file between opening and locking: this is a lock nobody else will see.
    file.close();
  }
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
