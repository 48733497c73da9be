/**
 * A device whose plans take the kernels that were measured to be fastest on it.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import type { MeasuredLayer } from "../../kernels/engine/choices.ts";
import { openQuietDevice } from "./quiet_device.ts";
import { keepChoices, type ReadChoices, readChoices, tunedFor, tunedPath } from "./tuned_kernels.ts";

/** How kernels are chosen among those that give the same bits. */
export interface TuneOptions {
  /** Milliseconds that may be spent on measuring what was not measured before; none for a short run. */
  readonly budget: number;
  /** Whether nothing that was kept is taken, so that all is measured again. */
  readonly afresh?: boolean;
  /** Told of each layer that is measured. */
  readonly onMeasured?: (layer: MeasuredLayer) => void;
}

/** Milliseconds that a long run spends on measuring, at most. */
export const LONG_RUN_BUDGET = 5000;

/** Images that are passed through a network from which on a run is long: what measuring takes does not count there. */
const LONG_RUN_IMAGES = 5000;

/**
 * How the kernels of a run are chosen.
 *
 * @param images Images that it computes.
 * @param noTune Whether the user wants those that are chosen by the shape.
 * @returns The options; undefined for no choice.
 */
export function tuneOptionsOf(images: number, noTune: boolean): TuneOptions | undefined {
  if (noTune) return undefined;
  return { budget: images >= LONG_RUN_IMAGES ? LONG_RUN_BUDGET : 0 };
}

/** A device that may have a tuning, and what keeps that for the next run. */
export interface TunedDevice {
  readonly device: Device;
  /** Keeps what plans measured, if they did; to be called once they are made. */
  keep(): void;
}

/**
 * Opens the device with what is known of its kernels.
 *
 * @param options How kernels are chosen; without, by the shape.
 * @param onWarning Told in a sentence what is wrong with what was kept: it is measured anew, or not used.
 * @returns The device.
 * @throws {Deno.errors.NotFound} If there is no adapter.
 */
export async function openTunedDevice(
  options: TuneOptions | undefined,
  onWarning: (message: string) => void = () => {},
): Promise<TunedDevice> {
  const device = await openQuietDevice();
  const path = options && tunedPath(device.capabilities, (name) => Deno.env.get(name));
  if (!path) return { device, keep() {} };
  const { choices, problem }: ReadChoices = options.afresh
    ? { choices: new Map() }
    : readChoices(path, device.capabilities);
  if (problem !== undefined) onWarning(problem);
  let isNew = false;
  const tuning = {
    choices,
    budget: options.budget,
    onMeasured(layer: MeasuredLayer) {
      isNew = true;
      options.onMeasured?.(layer);
    },
  };
  return {
    device: { ...device, tuning },
    keep() {
      const problem = isNew ? keepChoices(path, tunedFor(device.capabilities), choices) : undefined;
      isNew = false;
      if (problem !== undefined) onWarning(problem);
    },
  };
}
