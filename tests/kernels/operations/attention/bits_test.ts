import { assertEquals } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import { runKernels } from "../../../../kernels/engine/run.ts";
import {
  attentionKeyValueGradientKernels,
  attentionQueryGradientKernel,
  attentionStatisticsKernel,
} from "../../../../kernels/operations/attention/gradient.ts";
import { attentionKernel } from "../../../../kernels/operations/attention/mod.ts";
import { attentionShape, statisticsBytes } from "../../../../kernels/operations/attention/shape.ts";
import { type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { padChannels, randomValues, testDevice } from "../../tensors.ts";

const ENTRIES = 3;
/** More than a tile or turn has, and no multiple of one. */
const TOKENS = 37;
const HEADS = 2;
const HEAD_CHANNELS = 8;
const CHANNELS = HEADS * HEAD_CHANNELS;

/** Attention and its gradients, by binding, on a batch whose entries are all the same. */
async function attend(device: Device, target: Target): Promise<Record<string, ArrayBuffer>> {
  const shape: Shape = [ENTRIES, 1, TOKENS, CHANNELS];
  const attention = attentionShape({
    query: { tensor: "query", offset: 0 },
    key: { tensor: "key", offset: 0 },
    value: { tensor: "value", offset: 0 },
    heads: HEADS,
    headChannels: HEAD_CHANNELS,
    scale: 0.3,
  }, () => shape);
  const values = (seed: number) => {
    const entry = randomValues(TOKENS * CHANNELS, seed, 2);
    return padChannels(Array.from({ length: ENTRIES }, () => entry).flat(), CHANNELS, target.storage);
  };
  const output = { bytes: tensorBytes(shape, target.storage) };
  const forward = await runKernels(device, [attentionKernel(attention, target)], {
    query: values(1),
    key: values(2),
    value: values(3),
    output,
    logSumExp: { bytes: statisticsBytes(attention) },
  });
  const kernels = [
    attentionStatisticsKernel(attention, target),
    attentionQueryGradientKernel(attention, target),
    ...attentionKeyValueGradientKernels(attention, { together: false, ...target }),
  ];
  const backward = await runKernels(device, kernels, {
    query: values(1),
    key: values(2),
    value: values(3),
    result: new Uint8Array(forward.output),
    outputGradient: values(4),
    logSumExp: new Uint8Array(forward.logSumExp),
    queryStatistics: { bytes: 2 * statisticsBytes(attention) },
    queryGradient: output,
    keyGradient: output,
    valueGradient: output,
  });
  return { ...forward, ...backward };
}

Deno.test("attention and its gradients have the same bits again, and wherever in a batch an entry is", async () => {
  const device = await testDevice();
  for (const profile of ["software", "gpu"] as const) {
    const target: Target = { profile, storage: "f32" };
    const results = await attend(device, target);
    assertEquals(await attend(device, target), results);
    for (const name of ["output", "queryGradient", "keyGradient", "valueGradient"]) {
      const bytes = results[name].byteLength / ENTRIES;
      const entries = Array.from(
        { length: ENTRIES },
        (_, entry) => new Uint8Array(results[name].slice(entry * bytes, (entry + 1) * bytes)),
      );
      for (const entry of entries) assertEquals(entry, entries[0], `${name}, ${profile} profile`);
    }
  }
});
