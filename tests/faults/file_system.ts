/**
 * This process' file system with somebody who looks on: told of every call before it is made, and able to throw in its
 * place; and told of all that is written.
 *
 * @module
 */

import { dirname, resolve } from "@std/path";

/** Something that changed what is on disk, or waited until it is there. Paths are absolute. */
export type Operation =
  | { readonly type: "create" | "remove" | "folder" | "sync folder"; readonly path: string }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "write"; readonly path: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "truncate" | "sync"; readonly path: string };

/** Who looks on. */
export interface Onlooker {
  /** Called before each call of the file system with its name and path; what it throws the caller gets. */
  beforeCall?(name: string, path: string): void;
  /** Called after each operation that succeeded. */
  onOperation?(operation: Operation): void;
}

// deno-lint-ignore no-explicit-any
type Call = (...parameters: any[]) => any;

/** Calls that take a path first and write nothing. */
const READS = ["stat", "statSync", "lstat", "lstatSync", "readDir", "readDirSync", "readFile", "readFileSync"] as const;
const TEXT_READS = ["readTextFile", "readTextFileSync", "realPath", "realPathSync"] as const;

/**
 * Runs something while somebody looks on.
 *
 * @param onlooker Who.
 * @param action What to run.
 * @returns Its result.
 */
export async function watchFileSystem<Result>(onlooker: Onlooker, action: () => Promise<Result>): Promise<Result> {
  const deno = Deno as unknown as Record<string, Call>;
  const file = Deno.FsFile.prototype as unknown as Record<string, Call>;
  const restore: (() => void)[] = [];
  const replace = (object: Record<string, Call>, name: string, make: (real: Call) => Call) => {
    const real = object[name];
    object[name] = make(real);
    restore.push(() => object[name] = real);
  };
  const before = (name: string, path: unknown) => onlooker.beforeCall?.(name, resolve(String(path)));
  const tell = (operation: Operation) => onlooker.onOperation?.(operation);
  /** Files that were opened since, and how far each was written. */
  const opened = new WeakMap<object, { path: string; offset: number; isFolder: boolean }>();

  for (const name of [...READS, ...TEXT_READS]) {
    replace(deno, name, (real) => (path, ...rest) => {
      before(name, path);
      return real(path, ...rest);
    });
  }
  const tellOpened = (path: string, file: Deno.FsFile, options: Deno.OpenOptions, wasThere: boolean) => {
    const { size, isDirectory } = file.statSync();
    opened.set(file, { path: resolve(path), offset: options.append ? size : 0, isFolder: isDirectory });
    if (!options.write && !options.append) return file;
    if (!wasThere) tell({ type: "create", path: resolve(path) });
    else if (options.truncate) tell({ type: "truncate", path: resolve(path) });
    return file;
  };
  replace(deno, "openSync", (real) => (path, options) => {
    before("openSync", path);
    const wasThere = isThere(path);
    return tellOpened(path, real(path, options), options ?? {}, wasThere);
  });
  replace(deno, "open", (real) => async (path, options) => {
    before("open", path);
    const wasThere = isThere(path);
    return tellOpened(path, await real(path, options), options ?? {}, wasThere);
  });
  const tellWritten = (file: object, bytes: Uint8Array, count: number) => {
    const place = opened.get(file);
    if (!place) return count;
    tell({ type: "write", path: place.path, offset: place.offset, bytes: bytes.slice(0, count) });
    place.offset += count;
    return count;
  };
  for (const name of ["writeSync", "syncSync", "readSync", "seekSync", "statSync"] as const) {
    replace(file, name, (real) =>
      function (this: object, ...parameters) {
        const place = opened.get(this);
        if (place) before(name, place.path);
        const result = real.apply(this, parameters);
        if (name === "writeSync") tellWritten(this, parameters[0], result);
        if (name === "syncSync" && place) tell({ type: place.isFolder ? "sync folder" : "sync", path: place.path });
        return result;
      });
  }
  for (const name of ["read", "write", "stat"] as const) {
    replace(file, name, (real) =>
      async function (this: object, ...parameters) {
        const place = opened.get(this);
        if (place) before(name, place.path);
        const result = await real.apply(this, parameters);
        if (name === "write") tellWritten(this, parameters[0], result);
        return result;
      });
  }
  replace(deno, "renameSync", (real) => (from, to) => {
    before("renameSync", from);
    real(from, to);
    tell({ type: "rename", path: resolve(from), to: resolve(to) });
  });
  replace(deno, "removeSync", (real) => (path, options) => {
    before("removeSync", path);
    real(path, options);
    tell({ type: "remove", path: resolve(path) });
  });
  replace(deno, "mkdirSync", (real) => (path, options) => {
    before("mkdirSync", path);
    const isNew = !isThere(path);
    real(path, options);
    if (isNew) tell({ type: "folder", path: resolve(path) });
  });
  const writeWhole = (name: string, encode: (content: string | Uint8Array) => Uint8Array) =>
    replace(deno, name, (real) => (path, content, options = {}) => {
      before(name, path);
      const absolute = resolve(path);
      const wasThere = isThere(path);
      const offset = options.append && wasThere ? sizeOf(path) : 0;
      real(path, content, options);
      if (!wasThere) tell({ type: "create", path: absolute });
      else if (!options.append) tell({ type: "truncate", path: absolute });
      tell({ type: "write", path: absolute, offset, bytes: encode(content) });
    });
  writeWhole("writeTextFileSync", (text) => new TextEncoder().encode(text as string));
  writeWhole("writeFileSync", (bytes) => (bytes as Uint8Array).slice());
  try {
    return await action();
  } finally {
    for (const undo of restore.reverse()) undo();
  }

  function isThere(path: string): boolean {
    return realNames(dirname(resolve(path))).has(resolve(path));
  }

  function sizeOf(path: string): number {
    using file = realOpen(path);
    return file.seekSync(0, Deno.SeekMode.End);
  }
}

const realReadDir = Deno.readDirSync;
const realOpen = Deno.openSync;

/** Absolute paths of what a folder holds, without anybody being told. */
function realNames(folder: string): Set<string> {
  try {
    return new Set(Array.from(realReadDir(folder), ({ name }) => resolve(folder, name)));
  } catch {
    return new Set();
  }
}
