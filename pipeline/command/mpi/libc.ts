/**
 * What is asked of the C library, for which Deno has no function.
 *
 * @module
 */

const SOL_SOCKET = 1;
const SO_TYPE = 3;
const F_GETFL = 3;
const O_NONBLOCK = 0o4000;

function openLibc() {
  return Deno.dlopen("libc.so.6", {
    kill: { parameters: ["i32", "i32"], result: "i32" },
    fcntl: { parameters: ["i32", "i32"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  }).symbols;
}

/**
 * A function that tells whether a process, by its number, lives.
 *
 * @returns The function. Processes of other users, or of other containers, seem not to.
 */
export function openProcessTable(): (id: number) => boolean {
  const { kill } = openLibc();
  return (id) => kill(id, 0) === 0;
}

/**
 * Whether a file descriptor of this process is a socket that was handed to it. Deno's own are non-blocking.
 *
 * @param descriptor The descriptor's number.
 * @returns Whether it is one; false too if it is not open.
 */
export function isInheritedSocket(descriptor: number): boolean {
  const { fcntl, getsockopt } = openLibc();
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, new Int32Array(1), Int32Array.of(4)) !== 0) return false;
  return (fcntl(descriptor, F_GETFL) & O_NONBLOCK) === 0;
}
