/**
 * A device without its driver's remarks.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { type Device, openDevice } from "../../kernels/engine/device.ts";

/**
 * Opens the device as {@linkcode openDevice} does.
 *
 * Where no desktop session has set `XDG_RUNTIME_DIR`, as in containers and batch jobs, the search for adapters prints
 * `error: XDG_RUNTIME_DIR is invalid or not set in the environment` on standard error, which is none: it looks for a
 * window system, and needs no window. With the permission to set that variable, it is set for this process.
 *
 * @returns The device.
 * @throws {Deno.errors.NotFound} If there is no adapter.
 */
export async function openQuietDevice(): Promise<Device> {
  const variable = "XDG_RUNTIME_DIR";
  const { state } = await Deno.permissions.query({ name: "env", variable });
  if (Deno.build.os === "linux" && state === "granted" && !Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
  try {
    return await openDevice();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`${error.message} and run \`${calledAs("doctor")}\``);
  }
}
