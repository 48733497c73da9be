/**
 * The end of a command's process.
 *
 * @module
 */

/**
 * Ends the process, whatever its threads do.
 *
 * A decoder that is stopped is at work until its image is done, which takes seconds for a large one. The exit handlers of its
 * library free what it works with, and the process would end with SIGSEGV in place of the exit code. Where the C library can
 * be asked, the process ends without them.
 *
 * @param code The exit code.
 */
export function endProcess(code: number): never {
  try {
    Deno.dlopen("libc.so.6", { _exit: { parameters: ["i32"], result: "void" } }).symbols._exit(code);
  } catch {
    // There is none, or it may not be asked.
  }
  Deno.exit(code);
}
