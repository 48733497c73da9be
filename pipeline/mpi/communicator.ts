/**
 * Processes that were started together, and what they exchange.
 *
 * @module
 */

import { type Launcher, readLauncher } from "./launcher.ts";
import { INSTALL, type Library, LIBRARY_NAMES, loadLibrary, type Memory } from "./library.ts";

/**
 * Processes that were started together.
 *
 * All of them make the same calls in the same order, with arrays of the same length. The calls run on another thread, one
 * at a time, while the caller goes on; an array that was handed over is left alone until its promise settles. After one
 * failed, all later ones fail in the same way.
 */
export interface Communicator {
  /** This process's number, from 0. */
  readonly rank: number;
  /** How many processes there are, 2 at least. */
  readonly size: number;
  /** This process's number among those of its machine, from 0. */
  readonly localRank: number;
  /** How many processes this machine has. */
  readonly localSize: number;
  /** As the library calls itself: `MPICH 4.0.2`, `Open MPI 4.1.4`. */
  readonly library: string;
  /** Replaces each element by its sum over all ranks. */
  sum(data: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>): Promise<void>;
  /** Replaces each element by the largest of all ranks. */
  largest(data: Int32Array<ArrayBuffer>): Promise<void>;
  /** Replaces all elements by those of rank 0. */
  broadcast(data: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Brings the arrays of all ranks to rank 0, in the order of the ranks; the others get undefined. */
  gather(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>[] | undefined>;
  /** Waits until all ranks have come here. */
  barrier(): Promise<void>;
  /** Ends all ranks at once, with an exit code. */
  abort(code: number): never;
  /** Waits for the other ranks and leaves them; no calls after this one. */
  close(): Promise<void>;
}

/** `MPI_THREAD_SERIALIZED`, in both interfaces: calls from any thread, one at a time. */
const SERIALIZED = 2;

/** Elements of one call: counts are ints of 32 bits, and libraries multiply them by the size of an element. */
const MOST_ELEMENTS = 2 ** 28;

/**
 * Joins the processes that a launcher of MPI started with this one.
 *
 * @returns The communicator, or undefined, with nothing loaded, where no launcher started this process, or started it alone.
 * @throws {Deno.errors.NotFound} If the launcher's library is not installed.
 * @throws {Error} If the library does not find the other processes, or fails.
 */
export function openCommunicator(): Promise<Communicator | undefined> {
  return Promise.try(joinLaunched);
}

function joinLaunched(): Communicator | undefined {
  const launcher = readLauncher((name) => Deno.env.get(name));
  if (!launcher || launcher.size === 1) return undefined;
  const library = loadLibrary(launcher.implementation);
  if (!library) {
    const [name] = LIBRARY_NAMES[launcher.implementation];
    throw new Deno.errors.NotFound(
      `Cannot find ${launcher.implementation}'s library ${name}, which ${launcher.command} needs: ` +
        `install it (${INSTALL[launcher.implementation]})`,
    );
  }
  return joinRanks(library, launcher);
}

function joinRanks(library: Library, launcher: Launcher): Communicator | undefined {
  const { functions, handles, inPlace } = library;
  const { world } = handles;
  const check = (code: number, action: string) => {
    if (code !== 0) throw new Error(`Cannot ${action}: ${describeError(library, code)}`);
  };
  const readInt = (call: (memory: Int32Array<ArrayBuffer>) => number, action: string) => {
    const memory = new Int32Array(1);
    check(call(memory), action);
    return memory[0];
  };

  const provided = readInt((level) => functions.MPI_Init_thread(null, null, SERIALIZED, level), "start MPI");
  const name = describeLibrary(library);
  check(functions.MPI_Comm_set_errhandler(world, handles.errorsReturn), "ask MPI for errors");
  const rank = readInt((result) => functions.MPI_Comm_rank(world, result), "ask MPI for the rank");
  const size = readInt((result) => functions.MPI_Comm_size(world, result), "ask MPI for the number of ranks");
  if (size === 1 && launcher.size === undefined) {
    check(functions.MPI_Finalize(), "end MPI");
    return undefined;
  }
  if (launcher.size !== undefined && size !== launcher.size) {
    throw new Error(
      `Cannot join ${launcher.size} ranks: ${launcher.command} started as many, and ${name} finds ${size}; ` +
        "launcher and library belong to different installations",
    );
  }
  if (provided < SERIALIZED) {
    throw new Error(`Cannot use ${name}: it was built without support of threads (MPI_THREAD_SERIALIZED)`);
  }
  const machine = library.handleResult();
  check(
    functions.MPI_Comm_split_type(world, library.shared, rank, handles.noInfo, machine.memory),
    "ask MPI for the ranks of this machine",
  );
  const localRank = readInt((result) => functions.MPI_Comm_rank(machine.read(), result), "ask MPI for the local rank");
  const localSize = readInt((result) => functions.MPI_Comm_size(machine.read(), result), "ask MPI for the local size");

  let queue: Promise<unknown> = Promise.resolve();
  /** Arrays that another thread reads or writes, which nothing else might hold. */
  const inUse = new Set<Memory>();
  const enqueue = <Result>(work: () => Promise<Result>, ...arrays: Memory[]): Promise<Result> => {
    const result = queue.then(async () => {
      for (const array of arrays) inUse.add(array);
      try {
        return await work();
      } finally {
        for (const array of arrays) inUse.delete(array);
      }
    });
    queue = result;
    return result;
  };

  return {
    rank,
    size,
    localRank,
    localSize,
    library: name,
    sum: (data) =>
      enqueue(async () => {
        const type = data instanceof Float32Array ? handles.float : handles.double;
        for (const piece of pieces(data, MOST_ELEMENTS)) {
          const code = await functions.MPI_Allreduce(inPlace, piece, piece.length, type, handles.sum, world);
          check(code, `sum ${data.length} numbers over ${size} ranks`);
        }
      }, data),
    largest: (data) =>
      enqueue(async () => {
        for (const piece of pieces(data, MOST_ELEMENTS)) {
          const code = await functions.MPI_Allreduce(inPlace, piece, piece.length, handles.int, handles.max, world);
          check(code, `find the largest of ${data.length} numbers over ${size} ranks`);
        }
      }, data),
    broadcast: (data) =>
      enqueue(async () => {
        for (const piece of pieces(data, MOST_ELEMENTS)) {
          const code = await functions.MPI_Bcast(piece, piece.length, handles.byte, 0, world);
          check(code, `broadcast ${data.length} bytes to ${size} ranks`);
        }
      }, data),
    gather: (data) => {
      const all = rank === 0 ? Array.from({ length: size }, () => new Uint8Array(data.length)) : undefined;
      const received = new Uint8Array(all ? size * Math.min(data.length, MOST_ELEMENTS) : 0);
      return enqueue(
        async () => {
          for (const piece of pieces(data, MOST_ELEMENTS)) {
            const { length } = piece;
            const code = await functions.MPI_Gather(
              piece,
              length,
              handles.byte,
              received,
              length,
              handles.byte,
              0,
              world,
            );
            check(code, `gather ${data.length} bytes of each of ${size} ranks`);
            const start = piece.byteOffset - data.byteOffset;
            all?.forEach((part, i) => part.set(received.subarray(i * length, (i + 1) * length), start));
          }
          return all;
        },
        data,
        received,
      );
    },
    barrier: () => enqueue(async () => check(await functions.MPI_Barrier(world), `wait for ${size} ranks`)),
    abort: (code) => {
      functions.MPI_Abort(world, code);
      Deno.exit(code);
    },
    close: () =>
      enqueue(async () => {
        check(await functions.MPI_Barrier(world), `wait for ${size} ranks`);
        check(functions.MPI_Finalize(), "end MPI");
      }),
  };
}

/**
 * An array in pieces that share its memory.
 *
 * @param data The array.
 * @param most Elements of the longest piece.
 * @returns Pieces in order, none for an empty array.
 */
export function* pieces<Data extends Uint8Array | Int32Array | Float32Array | Float64Array>(
  data: Data,
  most: number,
): Generator<Data> {
  for (let start = 0; start < data.length; start += most) yield data.subarray(start, start + most) as Data;
}

function describeLibrary({ functions }: Library): string {
  const text = new Uint8Array(8192);
  const length = new Int32Array(1);
  functions.MPI_Get_library_version(text, length);
  return nameLibrary(new TextDecoder().decode(text.subarray(0, length[0])));
}

/**
 * A library's name and version.
 *
 * @param text What `MPI_Get_library_version` says: several lines with `MPICH Version: 4.0.2`, or `Open MPI v4.1.4, package: ...`.
 * @returns `MPICH 4.0.2`, `Open MPI 4.1.4`, or the first line of another library.
 */
export function nameLibrary(text: string): string {
  const version = /^(MPICH|Open MPI)(?: Version:\s*| v)([^\s,]+)/.exec(text);
  return version ? `${version[1]} ${version[2]}` : text.split("\n")[0].replaceAll("\0", "").trim();
}

function describeError({ functions }: Library, code: number): string {
  const text = new Uint8Array(512);
  const length = new Int32Array(1);
  functions.MPI_Error_string(code, text, length);
  return new TextDecoder().decode(text.subarray(0, length[0])).split("\n")[0];
}
