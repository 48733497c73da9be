import { assert, assertEquals } from "@std/assert";
import { listBindings } from "../../../../kernels/engine/kernel.ts";
import { buildNetwork } from "../../../../kernels/networks/mod.ts";
import { layOutParameters } from "../../../../kernels/optimizers/layout.ts";
import { lowerTraining } from "../../../../kernels/programs/training/lower.ts";
import { defaultBucketBytes, gradientBuckets } from "../../../../kernels/programs/training/buckets.ts";
import { gradientName } from "../../../../kernels/operations/shared/builder.ts";
import { trainerSettings } from "./batches.ts";
import { createRanks } from "./ranks.ts";

/** Steps that write the gradients of tensors, in this order. */
function stepsOf(names: readonly string[]) {
  const bindings = listBindings({ gradient: "f32" });
  const kernel = { name: "", code: "", bindings, parameters: [], workgroups: [1, 1, 1] as const };
  return names.map((name) => ({ kernel, bindings: { gradient: gradientName(name) } }));
}

const tensor = (name: string, length: number) => ({ name, shape: [length], weightDecay: 0 });

Deno.test("gradientBuckets() fills buckets with whole tensors from the end, each after the last step that touches it", () => {
  const layout = layOutParameters([
    tensor("first", 1),
    tensor("a", 100),
    tensor("b", 64),
    tensor("c", 200),
    tensor("d", 1),
  ]);
  assertEquals(layout.length, 64 + 128 + 64 + 256 + 64);
  assertEquals(gradientBuckets(layout, stepsOf(["d", "c", "b", "a", "first"]), 320 * 4), [
    { offset: 256 * 4, bytes: 320 * 4, last: 1 },
    { offset: 64 * 4, bytes: 192 * 4, last: 3 },
    { offset: 0, bytes: 64 * 4, last: 4 },
  ]);
  // The order of the gradients is the steps', not the layout's.
  assertEquals(gradientBuckets(layout, stepsOf(["first", "b", "a", "d", "c", "d"]), 320 * 4), [
    { offset: 0, bytes: 64 * 4, last: 0 },
    { offset: 64 * 4, bytes: 192 * 4, last: 2 },
    { offset: 256 * 4, bytes: 320 * 4, last: 5 },
  ]);
});

Deno.test("gradientBuckets() leaves little for the last bucket", () => {
  const layout = layOutParameters([1, 2, 3, 4, 5, 6].map((name) => tensor(`${name}`, 64)));
  const steps = stepsOf(["6", "5", "4", "3", "2", "1"]);
  assertEquals(gradientBuckets(layout, steps, 5 * 256), [
    { offset: 256, bytes: 5 * 256, last: 4 },
    { offset: 0, bytes: 256, last: 5 },
  ]);
  assertEquals(gradientBuckets(layout, steps, 6 * 256), [{ offset: 0, bytes: 6 * 256, last: 5 }]);
});

Deno.test("gradientBuckets() cuts a tensor that is larger than a bucket", () => {
  const layout = layOutParameters([tensor("a", 64), tensor("b", 1000)]);
  assertEquals(gradientBuckets(layout, stepsOf(["b", "a"]), 2100), [
    { offset: 2304, bytes: 2048, last: 0 },
    { offset: 256, bytes: 2048, last: 0 },
    { offset: 0, bytes: 256, last: 1 },
  ]);
});

Deno.test("gradients of a network lie in one bucket each, which no later step touches", () => {
  const [ranks] = createRanks(1);
  for (const name of ["resnet8", "resnet18", "efficientnet_b0"]) {
    const network = buildNetwork(name, { classes: 10 });
    const settings = trainerSettings({ network, ranks, size: [64, 64], parameters: new Map() });
    const { steps, layout, views } = lowerTraining(settings, { profile: "software", storage: "f32" });
    const batch = steps.filter(({ part }) => part === "batch");
    const buckets = batch.flatMap(({ exchanges = [] }, index) =>
      exchanges.map(({ name }) => ({ ...views!.get(name)!, index }))
    );
    const { length } = layout.parameters;
    assert(buckets.every(({ bytes }) => bytes <= defaultBucketBytes(length)));
    let end = 0;
    for (const { offset, bytes } of buckets.toSorted((a, b) => a.offset - b.offset)) {
      assertEquals(offset, end);
      end += bytes;
    }
    assertEquals(end, length * 4, name);
    batch.forEach(({ kernel, bindings }, index) => {
      for (const { name } of kernel.bindings) {
        const view = views!.get(bindings[name]);
        if (view?.state !== "gradient") continue;
        for (const bucket of buckets.filter((bucket) => bucket.index < index)) {
          const apart = view.offset + view.bytes <= bucket.offset || bucket.offset + bucket.bytes <= view.offset;
          assert(apart, `${name}: step ${index} touches what left after step ${bucket.index}`);
        }
      }
    });
    assert(name === "resnet8" || buckets[0].index < batch.length / 1.5, `${name}: the first bucket leaves late`);
  }
});
