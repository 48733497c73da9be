/**
 * The most memory that a process had.
 *
 * @module
 */

/**
 * `VmHWM` of a process. Linux only. Deno itself may read /proc only with all permissions; grep may.
 *
 * @param process Its number.
 * @returns Bytes, 0 once it is gone.
 */
export async function highWater(process: number): Promise<number> {
  const { stdout } = await new Deno.Command("grep", {
    args: ["VmHWM", `/proc/${process}/status`],
    stderr: "null",
  }).output();
  const kibibytes = /(\d+) kB/.exec(new TextDecoder().decode(stdout))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
