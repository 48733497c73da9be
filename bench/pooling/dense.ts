/**
 * LabelPooling as the published code does it: the k classes of each cell are written into a dense tensor of zeros
 * `[N, C, H, W]` on the CPU, that goes to the device, and there RoIAlign and softmax make the targets of it.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "../../kernels/engine/device.ts";
import { packRegions, REGION_WORDS } from "../../kernels/operations/label_pooling/kernels.ts";
import { type Crop, samplingRegions } from "../../kernels/operations/label_pooling/mod.ts";
import { softmaxKernel } from "../../kernels/operations/softmax/kernels.ts";
import { channelVectors, itemKernel } from "../../kernels/operations/shared/tensor.ts";
import type { Kernel } from "../../kernels/engine/kernel.ts";
import { createPlan } from "../../kernels/engine/plan.ts";
import type { PoolingStep } from "./sparse.ts";
import type { LabelMapBatch } from "../../formats/base/label_map.ts";

/**
 * Sets a step up. Where the tensor exceeds what the adapter binds, it goes in equal parts.
 *
 * @param device Where.
 * @param maps Label maps of type fp32.
 * @param crops One of each map.
 * @returns The step; close it.
 */
export async function createDenseStep(
  device: Device,
  maps: LabelMapBatch,
  crops: readonly Crop[],
): Promise<PoolingStep> {
  const { grid, classes, count } = maps;
  const cells = grid[0] * grid[1];
  let part = count;
  while (part * classes * cells * 4 > device.capabilities.maxBindingBytes) part = Math.ceil(part / 2);
  const { profile } = device.capabilities;
  const plan = await createPlan(device, {
    tensors: new Map([
      ["regions", part * REGION_WORDS * 4],
      ["dense", part * classes * cells * 4],
      ["pooled", part * channelVectors(classes) * 16],
      ["target", part * channelVectors(classes) * 16],
    ]),
    constants: new Map(),
    steps: [
      {
        kernel: roiAlignKernel({ crops: part, grid, classes, profile }),
        bindings: { regions: "regions", dense: "dense", pooled: "pooled" },
      },
      {
        kernel: softmaxKernel({ rows: part, classes, profile, storage: "f32" }),
        bindings: { input: "pooled", output: "target" },
      },
    ],
  }, { inputs: ["regions", "dense"], outputs: ["target"] });
  const [regions, dense, target] = ["regions", "dense", "target"].map(plan.tensor);
  const staging = createBuffer(
    device,
    count * classes * 4,
    GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    "targets for the CPU",
  );
  const tensor = new Float32Array(part * classes * cells);
  const { queue } = device.gpu;
  const submit = () => {
    const packed = packRegions(samplingRegions(maps, crops, {}));
    for (let first = 0; first < count; first += part) {
      scatter(tensor, maps, first, part);
      queue.writeBuffer(dense.buffer, dense.offset, tensor);
      queue.writeBuffer(regions.buffer, regions.offset, packed, first * REGION_WORDS, part * REGION_WORDS);
      const encoder = device.gpu.createCommandEncoder();
      plan.encode(encoder);
      encoder.copyBufferToBuffer(target.buffer, target.offset, staging, first * classes * 4, part * classes * 4);
      queue.submit([encoder.finish()]);
    }
  };
  const read = async () => {
    await staging.mapAsync(GPUMapMode.READ);
    const result = new Float32Array(staging.getMappedRange().slice(0));
    staging.unmap();
    return result;
  };
  return {
    name: "dense tensor, as published",
    bytes: count * (classes * cells + REGION_WORDS) * 4,
    targets() {
      submit();
      return read();
    },
    async run(repetitions) {
      for (let repetition = 0; repetition < repetitions; repetition++) submit();
      await read();
    },
    close() {
      plan.close();
      destroyBuffer(device, staging);
    },
  };
}

/** Zeros, and the scores of some maps at their classes. */
function scatter(
  tensor: Float32Array,
  { class: classes, score, ...maps }: LabelMapBatch,
  first: number,
  count: number,
) {
  const cells = maps.grid[0] * maps.grid[1];
  const length = maps.k * cells;
  tensor.fill(0);
  for (let map = 0; map < count; map++) {
    for (let index = 0; index < length; index++) {
      const at = (first + map) * length + index;
      tensor[(map * maps.classes + classes[at]) * cells + index % cells] = score[at];
    }
  }
}

/** RoIAlign to 1 x 1 as torchvision's: for each crop and class the mean of bilinear samples. */
function roiAlignKernel(
  { crops, grid, classes, profile }:
    & { crops: number; profile: Device["capabilities"]["profile"] }
    & Pick<
      LabelMapBatch,
      "grid" | "classes"
    >,
): Kernel {
  return itemKernel({
    name: "RoIAlign",
    profile,
    bindings: { regions: "vec4<u32>", dense: "f32", pooled: "f32" },
    parameters: [
      { name: "rows", value: grid[0] },
      { name: "columns", value: grid[1] },
      { name: "classes", value: classes },
      { name: "stride", value: channelVectors(classes) * 4 },
    ],
    items: crops * classes,
    body: `  let crop = item / parameters.classes;
  let head = regions[2u * crop];
  let tail = regions[2u * crop + 1u];
  let origin = bitcast<vec2<f32>>(head.xy);
  let height = bitcast<f32>(head.z);
  let width = bitcast<f32>(tail.y);
  let samples = vec2<u32>(tail.z & 0xffffu, tail.z >> 16u);
  let first = item * parameters.rows * parameters.columns;
  let last = vec2<f32>(f32(parameters.rows - 1u), f32(parameters.columns - 1u));
  var sum = 0.0;
  for (var i = 0u; i < samples.x; i++) {
    let y = clamp(origin.x + height * (f32(i) + 0.5) / f32(samples.x), 0.0, last.x);
    let top = u32(y);
    let bottom = min(top + 1u, parameters.rows - 1u);
    let below = y - f32(top);
    for (var j = 0u; j < samples.y; j++) {
      let x = clamp(origin.y + width * (f32(j) + 0.5) / f32(samples.y), 0.0, last.y);
      let left = u32(x);
      let right = min(left + 1u, parameters.columns - 1u);
      let beside = x - f32(left);
      let upper = mix(dense[first + top * parameters.columns + left], dense[first + top * parameters.columns + right], beside);
      let lower = mix(dense[first + bottom * parameters.columns + left], dense[first + bottom * parameters.columns + right], beside);
      sum += mix(upper, lower, below);
    }
  }
  pooled[crop * parameters.stride + item % parameters.classes] = sum / f32(samples.x * samples.y);`,
  });
}
