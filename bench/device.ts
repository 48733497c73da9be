/**
 * The device of a measurement.
 *
 * @module
 */

import type { Device } from "../kernels/device.ts";
import type { Profile } from "../kernels/kernel.ts";
import { openQuietDevice } from "../pipeline/quiet_device.ts";

/** Both profiles; every adapter runs the kernels of each. */
export const PROFILES: readonly Profile[] = ["software", "gpu"];

/** The same device, with kernels made for a profile. */
export function withProfile(device: Device, profile: Profile): Device {
  return { ...device, capabilities: { ...device.capabilities, profile } };
}

/**
 * Opens the device.
 *
 * @param profile Overrides the adapter's own.
 * @returns The device; close it when done.
 * @throws {Deno.errors.NotFound} If there is no adapter.
 * @throws {RangeError} If there is no such profile.
 */
export async function openBenchDevice(profile?: string): Promise<Device> {
  const known = PROFILES.find((name) => name === profile);
  if (profile !== undefined && !known) {
    throw new RangeError(`Cannot use profile "${profile}": expected ${PROFILES.join(" or ")}`);
  }
  const device = await openQuietDevice();
  return known ? withProfile(device, known) : device;
}
