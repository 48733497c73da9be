/**
 * One process at a time: an advisory lock on a file that is there only while it is held, or after a process was killed.
 *
 * @module
 */

import { fileError, ifThere, withSubject } from "./files.ts";

/** How long a lock may be held by one who only looks, milliseconds, and between tries. */
const PATIENCE = 500;
const PAUSE = 5;

/** A lock that this process holds. */
export interface Lock extends Disposable {
  /**
   * Makes sure that it is still held, before something is written that another holder would write too. A file that was
   * removed meanwhile no longer keeps others out: it is made again, unless one of them was faster.
   *
   * @throws {Deno.errors.Busy} If another process has taken the lock.
   * @throws {Deno.errors.NotFound} If its folder is gone.
   */
  keep(): void;
  /** Gives it back and removes the file, if that is still this lock's. */
  release(): void;
}

/**
 * Takes a lock, or fails within half a second. The file's time is then when it was taken.
 *
 * @param path The lock's file; its folder must exist.
 * @param subject How the message starts if another process holds it: `Cannot write label maps to "labels"`.
 * @returns The lock; release it, or declare it with `using`.
 * @throws {Deno.errors.Busy} If another process holds it.
 */
export function takeLock(path: string, subject: string): Lock {
  const attempt = <Result>(action: () => Result): Result => {
    try {
      return action();
    } catch (error) {
      if (error instanceof Deno.errors.Busy) throw error;
      throw fileError(subject, error);
    }
  };
  let file = attempt(() => take(path, `${subject}: another process is writing there`));
  const release = () => {
    try {
      if (isStillThere(file, path)) Deno.removeSync(path);
    } catch {
      // A file that nobody holds keeps nobody out.
    } finally {
      file.close();
    }
  };
  return {
    keep() {
      if (attempt(() => isStillThere(file, path))) return;
      const taken = `${subject}: its lock file was removed meanwhile, and another process writes there now`;
      const again = attempt(() => take(path, taken));
      file.close();
      file = again;
    },
    release,
    [Symbol.dispose]: release,
  };
}

function take(path: string, taken: string): Deno.FsFile {
  while (true) {
    using opened = new DisposableStack();
    const file = opened.use(Deno.openSync(path, { write: true, create: true }));
    if (!tryPatiently(file)) throw new Deno.errors.Busy(taken);
    // Who held the lock may have removed the file between opening and locking: that is a lock nobody else will see.
    if (!isStillThere(file, path)) continue;
    file.utimeSync(new Date(), new Date());
    opened.move();
    return file;
  }
}

/**
 * Whether a process holds a lock.
 *
 * @param path The lock's file, which need not exist.
 * @returns When it was taken, or undefined if nobody holds it.
 */
export function lockHeldSince(path: string): Date | undefined {
  const look = () => {
    using file = Deno.openSync(path);
    return file.tryLockSync(false) ? undefined : file.statSync().mtime ?? new Date();
  };
  return withSubject(`Cannot look at lock "${path}"`, () => ifThere(look));
}

function tryPatiently(file: Deno.FsFile): boolean {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < PATIENCE; waited += PAUSE) {
    if (file.tryLockSync(true)) return true;
    Atomics.wait(sleep, 0, 0, PAUSE);
  }
  return false;
}

/** Whether a path still names the file that was opened under it. Windows keeps a name while its file is open. */
function isStillThere(file: Deno.FsFile, path: string): boolean {
  if (Deno.build.os === "windows") return true;
  return ifThere(() => Deno.statSync(path).ino === file.statSync().ino) ?? false;
}
