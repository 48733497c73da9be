/**
 * What every measurement is printed with: the machine and the versions.
 *
 * @module
 */

import { cpus } from "node:os";
import type { Device } from "../kernels/engine/device.ts";

/** The processor, its cores, the operating system and Deno; needs `--allow-sys=cpus`. */
export function describeMachine(): string {
  const processors = cpus();
  return `${processors[0].model.trim()}, ${processors.length} cores, ${Deno.build.os}, Deno ${Deno.version.deno}`;
}

/** The adapter and how kernels are made for it. */
export function describeDevice({ capabilities: { adapter, profile } }: Device): string {
  return `${adapter}, ${profile} profile`;
}
