/**
 * What every measurement is printed with: the machine and the versions.
 *
 * @module
 */

import type { Device } from "../kernels/device.ts";

/** The processor, its cores, the operating system and Deno; needs no permission but to read `/proc/cpuinfo`. */
export function describeMachine(): string {
  const { os, arch } = Deno.build;
  const model = os === "linux" ? /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] : undefined;
  return `${model ?? arch}, ${navigator.hardwareConcurrency} cores, ${os}, Deno ${Deno.version.deno}`;
}

/** The adapter and how kernels are made for it. */
export function describeDevice({ capabilities: { adapter, profile } }: Device): string {
  return `${adapter}, ${profile} profile`;
}
