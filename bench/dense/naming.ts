/**
 * How many cells and quadrants of known truth a network names.
 *
 * @module
 */

import { targetOf } from "../../kernels/programs/image_program.ts";
import { createBuffer, destroyBuffer, type Device } from "../../kernels/engine/device.ts";
import { createPlan } from "../../kernels/engine/plan.ts";
import { lowerNetwork } from "../../kernels/lowering/lower_network.ts";
import type { Network, Parameters } from "../../kernels/operations/network.ts";
import { normalisationLevels } from "../../kernels/operations/resize/mod.ts";
import { CLASSES, SIDE, type TextureScene } from "./texture_scenes.ts";

/** Cells along an image's side. */
const CELLS = 8;
const CELL_SIDE = SIDE / CELLS;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** The class that covers half of each of 8 x 8 cells, -1 where none does. */
function cellTruth({ truth }: TextureScene): number[] {
  return Array.from({ length: CELLS * CELLS }, (_, cell) => {
    const counts = new Array<number>(CLASSES).fill(0);
    for (let at = 0; at < CELL_SIDE * CELL_SIDE; at++) {
      const y = Math.floor(cell / CELLS) * CELL_SIDE + Math.floor(at / CELL_SIDE);
      const x = (cell % CELLS) * CELL_SIDE + at % CELL_SIDE;
      const found = truth[y * SIDE + x];
      if (found >= 0) counts[found]++;
    }
    const most = Math.max(...counts);
    return most >= CELL_SIDE * CELL_SIDE / 2 ? counts.indexOf(most) : -1;
  });
}

/**
 * Runs a head on scenes.
 *
 * @param device Where.
 * @param of The network, its parameters, and which head.
 * @param scenes The scenes.
 * @returns Logits of each scene, `[h, w, classes]`.
 */
export async function logitsOf(
  device: Device,
  { network, parameters, which }: { network: Network; parameters: Parameters; which: "dense" | "pooled" },
  scenes: readonly TextureScene[],
): Promise<Float32Array[]> {
  const target = targetOf(device, "f32");
  const program = lowerNetwork(network, parameters, { batch: 1, size: [SIDE, SIDE], head: which, ...target });
  const { output } = network[which];
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const [input, result] = [plan.tensor(network.input), plan.tensor(output)];
  const staging = createBuffer(device, result.size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "logits");
  const levels = normalisationLevels(MEAN, STD);
  const values = new Float32Array(SIDE * SIDE * 4);
  const maps: Float32Array[] = [];
  for (const { pixels } of scenes) {
    pixels.forEach((level, at) => values[Math.floor(at / 3) * 4 + at % 3] = levels[level * 4 + at % 3]);
    device.gpu.queue.writeBuffer(input.buffer, input.offset, values);
    const encoder = device.gpu.createCommandEncoder();
    plan.encode(encoder);
    encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, result.size);
    device.gpu.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    maps.push(new Float32Array(staging.getMappedRange().slice(0)));
    staging.unmap();
  }
  plan.close();
  destroyBuffer(device, staging);
  return maps;
}

/** Cells of known truth, by what they show. */
export type Part = "largest" | "others" | "all";

/**
 * The share of cells that are called what they show.
 *
 * @param scenes The scenes.
 * @param part Which cells: of the largest disk, of the others, or of all.
 * @param logits Logits of the cells, `[8, 8, classes]`, or of the image, by which all are then called the same.
 * @returns From 0 to 1.
 */
export function namedShare(scenes: readonly TextureScene[], part: Part, logits: readonly Float32Array[]): number {
  let [right, all] = [0, 0];
  scenes.forEach((scene, image) =>
    cellTruth(scene).forEach((wanted, cell) => {
      if (wanted < 0 || (part !== "all" && (wanted === scene.label) !== (part === "largest"))) return;
      const first = logits[image].length === CLASSES ? 0 : cell * CLASSES;
      all++;
      if (largest(logits[image].subarray(first, first + CLASSES)) === wanted) right++;
    })
  );
  return right / all;
}

/**
 * The share of quadrants whose mean logits are largest for the class of their disk.
 *
 * @param maps Logits `[8, 8, classes]`.
 * @param scenes Scenes with a disk per quadrant.
 * @returns From 0 to 1.
 */
export function quadrantShare(maps: readonly Float32Array[], scenes: readonly TextureScene[]): number {
  let right = 0;
  maps.forEach((map, index) => {
    for (let quadrant = 0; quadrant < 4; quadrant++) {
      const [top, left] = [Math.floor(quadrant / 2), quadrant % 2].map((half) => half * CELLS / 2);
      const sums = new Float64Array(CLASSES);
      for (let at = 0; at < CELLS * CELLS / 4; at++) {
        const cell = (top + Math.floor(at / (CELLS / 2))) * CELLS + left + at % (CELLS / 2);
        for (let name = 0; name < CLASSES; name++) sums[name] += map[cell * CLASSES + name];
      }
      const middle = (half: number) => Math.floor((half + CELLS / 4) * CELL_SIDE);
      if (largest(sums) === scenes[index].truth[middle(top) * SIDE + middle(left)]) right++;
    }
  });
  return right / (4 * maps.length);
}

function largest(logits: Float32Array | Float64Array): number {
  return logits.indexOf(Math.max(...logits));
}
