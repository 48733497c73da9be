/**
 * The device of a measurement.
 *
 * @module
 */

import type { Device } from "../kernels/engine/device.ts";
import type { Profile } from "../kernels/engine/kernel.ts";
import { openQuietDevice } from "../pipeline/model/quiet_device.ts";

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
 */
export async function openBenchDevice(profile?: Profile): Promise<Device> {
  const device = await openQuietDevice();
  return profile ? withProfile(device, profile) : device;
}
