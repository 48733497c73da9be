// deno-lint-ignore-file camelcase -- MPI calls its functions so

/**
 * An MPI library, loaded through its binary interface.
 *
 * MPICH's interface is that of MPICH 3.1 and later, MVAPICH, Intel MPI and Cray MPICH: handles are ints with values that are
 * fixed (its `mpi.h`). Open MPI's is that of its versions 3 to 5: handles are addresses of symbols of the library. Other
 * constants differ as well. Sources: `mpi.h` of MPICH 4.0.2 and of Open MPI 4.1.4.
 *
 * @module
 */

import type { Implementation } from "./launcher.ts";

/** A communicator, datatype, operation, info or error handler. */
export type Handle = number | Deno.PointerValue;

/** An argument that the library reads or writes. */
export type Memory = ArrayBufferView<ArrayBuffer>;

/** The functions of MPI that are used. Those that wait for other processes run on another thread. */
export interface Functions {
  MPI_Init_thread(argc: null, argv: null, required: number, provided: Memory): number;
  MPI_Finalize(): number;
  MPI_Abort(communicator: Handle, code: number): number;
  MPI_Get_library_version(text: Memory, length: Memory): number;
  MPI_Error_string(code: number, text: Memory, length: Memory): number;
  MPI_Comm_set_errhandler(communicator: Handle, handler: Handle): number;
  MPI_Comm_rank(communicator: Handle, rank: Memory): number;
  MPI_Comm_size(communicator: Handle, size: Memory): number;
  MPI_Comm_split_type(communicator: Handle, type: number, key: number, info: Handle, result: Memory): number;
  MPI_Barrier(communicator: Handle): Promise<number>;
  MPI_Bcast(data: Memory, count: number, type: Handle, root: number, communicator: Handle): Promise<number>;
  MPI_Allreduce(
    inPlace: Deno.PointerValue,
    data: Memory,
    count: number,
    type: Handle,
    operation: Handle,
    communicator: Handle,
  ): Promise<number>;
  MPI_Gather(
    sent: Memory,
    sentCount: number,
    sentType: Handle,
    received: Memory,
    receivedCount: number,
    receivedType: Handle,
    root: number,
    communicator: Handle,
  ): Promise<number>;
}

/** A loaded library. */
export interface Library {
  readonly implementation: Implementation;
  readonly functions: Functions;
  readonly handles: Readonly<Record<HandleName, Handle>>;
  /** `MPI_IN_PLACE`. */
  readonly inPlace: Deno.PointerValue;
  /** `MPI_COMM_TYPE_SHARED`. */
  readonly shared: number;
  /** A place for a handle that a function returns, and how it is read. */
  readonly handleResult: () => { memory: Memory; read: () => Handle };
}

function definitions(handle: "i32" | "pointer") {
  const result = "i32";
  return {
    MPI_Init_thread: { parameters: ["pointer", "pointer", "i32", "buffer"], result },
    MPI_Finalize: { parameters: [], result },
    MPI_Abort: { parameters: [handle, "i32"], result },
    MPI_Get_library_version: { parameters: ["buffer", "buffer"], result },
    MPI_Error_string: { parameters: ["i32", "buffer", "buffer"], result },
    MPI_Comm_set_errhandler: { parameters: [handle, handle], result },
    MPI_Comm_rank: { parameters: [handle, "buffer"], result },
    MPI_Comm_size: { parameters: [handle, "buffer"], result },
    MPI_Comm_split_type: { parameters: [handle, "i32", "i32", handle, "buffer"], result },
    MPI_Barrier: { parameters: [handle], result, nonblocking: true },
    MPI_Bcast: { parameters: ["buffer", "i32", handle, "i32", handle], result, nonblocking: true },
    MPI_Allreduce: { parameters: ["pointer", "buffer", "i32", handle, handle, handle], result, nonblocking: true },
    MPI_Gather: {
      parameters: ["buffer", "i32", handle, "buffer", "i32", handle, "i32", handle],
      result,
      nonblocking: true,
    },
  } satisfies Deno.ForeignLibraryInterface;
}

/** The names an implementation's library goes by, the one that distributions use for it alone first. */
export const LIBRARY_NAMES: Readonly<Record<Implementation, readonly string[]>> = {
  "MPICH": ["libmpich.so.12", "libmpi.so.12"],
  "Open MPI": ["libmpi.so.40"],
};

/** How an implementation is installed. */
export const INSTALL: Readonly<Record<Implementation, string>> = {
  "MPICH": "Debian, Ubuntu: apt-get install mpich; Fedora: dnf install mpich; a cluster: module load mpich",
  "Open MPI":
    "Debian, Ubuntu: apt-get install openmpi-bin; Fedora: dnf install openmpi; a cluster: module load openmpi",
};

/**
 * Loads the library of an implementation.
 *
 * @param implementation Which implementation's constants hold.
 * @param names File names, tried in turn.
 * @returns The library, or undefined if the system's loader finds none.
 * @throws {Error} If there is one that cannot be loaded.
 */
export function loadLibrary(
  implementation: Implementation,
  names: readonly string[] = LIBRARY_NAMES[implementation],
): Library | undefined {
  for (const name of names) {
    try {
      return implementation === "MPICH" ? loadMpich(name) : loadOpenMpi(name);
    } catch (error) {
      const reason = (error as Error).message;
      if (reason.includes(`${name}: cannot open shared object file: No such file`)) continue;
      throw new Error(`Cannot load MPI library ${name}: ${reason}`);
    }
  }
  return undefined;
}

/** The handles that are used: MPICH's numbers, and what Open MPI calls them after `ompi_mpi_`. */
const HANDLES = {
  world: { mpich: 0x44000000, openMpi: "comm_world" },
  byte: { mpich: 0x4c00010d, openMpi: "byte" },
  int: { mpich: 0x4c000405, openMpi: "int" },
  float: { mpich: 0x4c00040a, openMpi: "float" },
  double: { mpich: 0x4c00080b, openMpi: "double" },
  sum: { mpich: 0x58000003, openMpi: "op_sum" },
  max: { mpich: 0x58000001, openMpi: "op_max" },
  noInfo: { mpich: 0x1c000000, openMpi: "info_null" },
  errorsReturn: { mpich: 0x54000001, openMpi: "errors_return" },
} as const;

type HandleName = keyof typeof HANDLES;

function mapHandles<Value>(map: (handle: typeof HANDLES[HandleName]) => Value): Record<HandleName, Value> {
  const mapped = Object.entries(HANDLES).map(([name, handle]) => [name, map(handle)]);
  return Object.fromEntries(mapped);
}

function loadMpich(name: string): Library {
  return {
    implementation: "MPICH",
    functions: Deno.dlopen(name, definitions("i32")).symbols as unknown as Functions,
    handles: mapHandles(({ mpich }) => mpich),
    inPlace: Deno.UnsafePointer.create(2n ** 64n - 1n),
    shared: 1,
    handleResult: () => {
      const memory = new Int32Array(1);
      return { memory, read: () => memory[0] };
    },
  };
}

function loadOpenMpi(name: string): Library {
  const { symbols } = Deno.dlopen(name, {
    ...definitions("pointer"),
    ...mapHandles(({ openMpi }) => ({ name: `ompi_mpi_${openMpi}`, type: "pointer" } as const)),
  });
  return {
    implementation: "Open MPI",
    functions: symbols as unknown as Functions,
    handles: symbols,
    inPlace: Deno.UnsafePointer.create(1n),
    shared: 0,
    handleResult: () => {
      const memory = new BigUint64Array(1);
      return { memory, read: () => Deno.UnsafePointer.create(memory[0]) };
    },
  };
}

/** A library's name and version, which it tells without being started: `MPICH 4.0.2`. */
export function describeLibrary({ functions }: Library): string {
  return nameLibrary(textOf(8192, (text, length) => functions.MPI_Get_library_version(text, length)));
}

/**
 * A text that a function of MPI writes.
 *
 * @param most Its bytes, at most.
 * @param write Writes it and its length.
 * @returns The text.
 */
export function textOf(most: number, write: (text: Memory, length: Memory) => void): string {
  const text = new Uint8Array(most);
  const length = new Int32Array(1);
  write(text, length);
  return new TextDecoder().decode(text.subarray(0, length[0]));
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
