/**
 * Processes that were started together, and what they exchange.
 *
 * @module
 */

import { type Launcher, readLauncher } from "./launcher.ts";
import { isInheritedSocket } from "./libc.ts";
import { describeLibrary, INSTALL, type Library, LIBRARY_NAMES, loadLibrary, type Memory, textOf } from "./library.ts";
import { type Peer, watchPeers } from "./peers.ts";

/**
 * Processes that were started together.
 *
 * All of them make the same calls in the same order, with arrays of the same length. The calls run on another thread, one
 * at a time, while the caller goes on; an array that was handed over is left alone until its promise settles. After one
 * failed, all later ones fail in the same way. A call fails, rather than to wait for ever, if another rank of this machine has
 * ended, or if the others do not answer for a long time.
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
  /** The library's name and version: `MPICH 4.0.2`, `Open MPI 4.1.4`. */
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
  /** Ends all ranks with an exit code, after half a second in which the launcher passes on what this one printed. */
  abort(code: number): never;
  /** Waits for the other ranks and leaves them; no calls after this one. */
  close(): Promise<void>;
}

/** `MPI_THREAD_SERIALIZED`, in both interfaces: calls from any thread, one at a time. */
const SERIALIZED = 2;

/** Milliseconds that a call waits for the other ranks, which may be as far behind as it takes to validate or to save. */
const LIMIT = 30 * 60_000;

/** Milliseconds between two looks at the other ranks of this machine while a call waits. */
const WATCH = 250;

/** Milliseconds by which each rank of this machine fails later than the one before, which has ended it by then. */
const LATER = 3000;

/** Milliseconds before the end of all ranks: hydra loses what a rank has printed and it has not yet passed on. */
const LAST_WORDS = 500;

/** Elements of one call: counts are ints of 32 bits, and libraries multiply them by the size of an element. */
const MOST_ELEMENTS = 2 ** 28;

/**
 * Joins the processes that a launcher of MPI started with this one.
 *
 * @param options `limit`: milliseconds that a call waits for the other ranks, half an hour unless given.
 * @returns The communicator, or undefined, with nothing loaded, where no launcher started this process, or started it alone.
 * @throws {Deno.errors.NotFound} If the launcher's library is not installed.
 * @throws {Error} If the launcher or the other processes cannot be reached, or the library fails.
 */
export async function openCommunicator(options: { limit?: number } = {}): Promise<Communicator | undefined> {
  const launcher = readLauncher((name) => Deno.env.get(name));
  if (!launcher || launcher.size === 1) return undefined;
  const { command, implementation, descriptor } = launcher;
  if (descriptor !== undefined && !isInheritedSocket(descriptor)) {
    throw new Error(
      `Cannot reach ${command}: a program between it and this process, such as npm's script around deno, closed the ` +
        `file by which they talk (PMI_FD=${descriptor}); ` +
        (command === "mpiexec"
          ? "say mpiexec -pmi-port, or start the deno binary itself"
          : "start the deno binary itself"),
    );
  }
  const library = loadLibrary(implementation);
  if (!library) {
    throw new Deno.errors.NotFound(
      `Cannot find ${implementation}'s library ${LIBRARY_NAMES[implementation].join(" or ")}, which ranks started by ` +
        `${command} need: install it (${INSTALL[implementation]})`,
    );
  }
  return await joinRanks(library, launcher, options.limit ?? LIMIT);
}

/** This process's place among the ranks. */
type Place = Pick<Communicator, "rank" | "size" | "localRank" | "localSize" | "library">;

async function joinRanks(library: Library, launcher: Launcher, limit: number): Promise<Communicator | undefined> {
  const found = await findPlace(library, launcher);
  return found && communicatorAt(found.place, library, callQueue(found.place, found.peers, limit));
}

/** Fails as MPI says of a call's result. */
function checkCode(library: Library, code: number, action: string): void {
  if (code !== 0) throw new Error(`Cannot ${action}: ${describeError(library, code)}`);
}

/**
 * Starts MPI, and asks it for this process's place and the ranks of this machine, in the order of their local numbers;
 * undefined if this rank is alone and the launcher said nothing else.
 */
async function findPlace(
  library: Library,
  launcher: Launcher,
): Promise<{ readonly place: Place; readonly peers: readonly Peer[] } | undefined> {
  const { functions, handles, inPlace } = library;
  const { world } = handles;
  const check = (code: number, action: string) => checkCode(library, code, action);
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

  const places = new Int32Array(2 * localSize);
  places.set([rank, Deno.pid], 2 * localRank);
  check(
    await functions.MPI_Allreduce(inPlace, places, places.length, handles.int, handles.max, machine.read()),
    "exchange process numbers",
  );
  const peers = Array.from({ length: localSize }, (_, i) => ({ rank: places[2 * i], process: places[2 * i + 1] }));
  return { place: { rank, size, localRank, localSize, library: name }, peers };
}

/** Does work that calls MPI once the work before it is done; arrays are those that MPI's thread reads or writes meanwhile. */
type Enqueue = <Result>(action: string, work: () => Promise<Result>, ...arrays: Memory[]) => Promise<Result>;

/** Calls one after the other, each of which fails where the others cannot answer any more. */
function callQueue({ rank, localRank }: Place, peers: readonly Peer[], limit: number): Enqueue {
  const endedPeers = watchPeers(peers.filter((peer) => peer.rank !== rank));

  /** Settles as a call does, or fails if the others cannot answer any more. */
  const watch = async <Result>(action: string, call: Promise<Result>): Promise<Result> => {
    const started = performance.now();
    const { promise: lost, reject } = Promise.withResolvers<never>();
    let endedAt: number | undefined;
    const timer = setInterval(() => {
      const now = performance.now();
      if (now - started > limit + localRank * LATER) {
        reject(new Error(`Cannot ${action}: the others have not answered for ${Math.round(limit / 1000)} s`));
      }
      const ended = endedPeers();
      if (ended.length === 0) return;
      endedAt ??= now;
      const place = peers.filter((peer) => !ended.includes(peer)).findIndex((peer) => peer.rank === rank);
      if (now - endedAt >= place * LATER) reject(new Error(`Cannot ${action}: ${describeEnd(ended)}`));
    }, WATCH);
    try {
      return await Promise.race([call, lost]);
    } finally {
      clearInterval(timer);
    }
  };

  let queue: Promise<unknown> = Promise.resolve();
  /** Arrays that another thread reads or writes, which nothing else might hold. */
  const inUse = new Set<Memory>();
  return (action, work, ...arrays) => {
    const result = queue.then(async () => {
      for (const array of arrays) inUse.add(array);
      const value = await watch(action, work());
      for (const array of arrays) inUse.delete(array);
      return value;
    });
    queue = result;
    return result;
  };
}

/** What the ranks exchange, in calls of MPI that are enqueued. */
function communicatorAt(place: Place, library: Library, enqueue: Enqueue): Communicator {
  const { functions, handles, inPlace } = library;
  const { world, int, byte, float, double } = handles;
  const { rank, size } = place;
  const barrier = (action: string) =>
    enqueue(action, async () => checkCode(library, await functions.MPI_Barrier(world), action));

  /** Calls MPI for one piece of an array after the other. */
  function callInPieces<Data extends Memory & Parameters<typeof pieces>[0]>(
    action: string,
    data: Data,
    call: (piece: Data) => Promise<number>,
  ): Promise<void> {
    return enqueue(action, async () => {
      for (const piece of pieces(data, MOST_ELEMENTS)) checkCode(library, await call(piece), action);
    }, data);
  }

  return {
    ...place,
    sum: (data) => {
      const type = data instanceof Float32Array ? float : double;
      return callInPieces(
        `sum ${data.length} numbers over ${size} ranks`,
        data,
        (piece) => functions.MPI_Allreduce(inPlace, piece, piece.length, type, handles.sum, world),
      );
    },
    largest: (data) =>
      callInPieces(
        `find the largest of ${data.length} numbers over ${size} ranks`,
        data,
        (piece) => functions.MPI_Allreduce(inPlace, piece, piece.length, int, handles.max, world),
      ),
    broadcast: (data) =>
      callInPieces(
        `broadcast ${data.length} bytes to ${size} ranks`,
        data,
        (piece) => functions.MPI_Bcast(piece, piece.length, byte, 0, world),
      ),
    gather: (data) => {
      const action = `gather ${data.length} bytes of each of ${size} ranks`;
      const all = rank === 0 ? Array.from({ length: size }, () => new Uint8Array(data.length)) : undefined;
      const received = new Uint8Array(all ? size * Math.min(data.length, MOST_ELEMENTS) : 0);
      const work = async () => {
        for (const piece of pieces(data, MOST_ELEMENTS)) {
          const { length } = piece;
          const code = await functions.MPI_Gather(piece, length, byte, received, length, byte, 0, world);
          checkCode(library, code, action);
          const start = piece.byteOffset - data.byteOffset;
          all?.forEach((part, i) => part.set(received.subarray(i * length, (i + 1) * length), start));
        }
        return all;
      };
      return enqueue(action, work, data, received);
    },
    barrier: () => barrier(`wait for ${size} ranks`),
    abort: (code) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WORDS);
      functions.MPI_Abort(world, code);
      Deno.exit(code);
    },
    close: async () => {
      await barrier(`part from ${size} ranks`);
      checkCode(library, functions.MPI_Finalize(), "end MPI");
    },
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

function describeEnd(ended: readonly Peer[]): string {
  const names = ended.map((peer) => `rank ${peer.rank} (process ${peer.process})`);
  return `${names.join(" and ")} of this machine ${ended.length === 1 ? "has" : "have"} ended`;
}

function describeError({ functions }: Library, code: number): string {
  return textOf(512, (text, length) => functions.MPI_Error_string(code, text, length)).split("\n")[0];
}
