import { targetOf } from "../../../../kernels/programs/image_program.ts";
import { assert } from "@std/assert";
import { atOnce } from "../../../../formats/base/event_loop.ts";
import { createBuffer, type Device, readBuffer } from "../../../../kernels/engine/device.ts";
import { POOLING_TENSORS, uploadCrops, uploadMaps } from "../../../../kernels/programs/label_pooler.ts";
import {
  augmentationAtSize,
  augmentReference,
  mixAtSize,
  mixImagesReference,
  mixTargetsReference,
} from "../../../../kernels/operations/augmentation/mod.ts";
import { poolLabels } from "../../../../kernels/operations/label_pooling/mod.ts";
import { givenTargetReference } from "../../../../kernels/operations/losses/given_target.ts";
import { labelTargetReference } from "../../../../kernels/operations/losses/label_target.ts";
import { softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { createPlan } from "../../../../kernels/engine/plan.ts";
import { TARGETS } from "../../../../kernels/programs/training/lower.ts";
import {
  GIVEN,
  LABELS,
  lowerTargets,
  poolerSettings,
  type TargetSource,
} from "../../../../kernels/programs/training/targets.ts";
import { lowerViews } from "../../../../kernels/programs/training/views.ts";
import type { TrainerSettings, TrainingBatch } from "../../../../kernels/programs/training/trainer.ts";
import { assertClose } from "../../compare.ts";
import { buildNetwork, initialParameters } from "../../../../kernels/networks/mod.ts";
import { classifyReference, type Parameters } from "../../networks/reference.ts";
import type { LabelMapFormat } from "../../../../formats/base/label_map.ts";
import { padChannels, testDevice, unpadChannels } from "../../tensors.ts";
import { BATCH, CLASSES, MAPS, trainerSettings, trainingBatch, withProfile } from "./batches.ts";

const network = buildNetwork("resnet8", { classes: CLASSES });
const teacher = { network, parameters: initialParameters(network, 8) as Parameters };
const base = trainerSettings().augmentation;

/** Maps of classes that do not exclude each other. */
const INDEPENDENT: LabelMapFormat = { ...MAPS, scores: "sigmoid", floor: -1 };

/** Everything that `--labels` can be. */
const SOURCES: Record<string, TargetSource> = {
  "labels": { type: "label", smoothing: 0 },
  "smoothed labels": { type: "label", smoothing: 0.1 },
  "pooled maps": { type: "pooled", maps: MAPS, pooling: {} },
  "pooled maps, one class each": { type: "pooled", maps: MAPS, pooling: { mode: "local-single" } },
  "pooled maps of independent classes": { type: "pooled", maps: INDEPENDENT, pooling: {} },
  "pooled maps of classes that are there or not": {
    type: "pooled",
    maps: INDEPENDENT,
    pooling: { presenceThreshold: 0.6 },
  },
  "maps of whole images": { type: "pooled", maps: MAPS, pooling: { mode: "global-multi", missing: "uniform" } },
  "pooled maps and labels": { type: "pooled", maps: MAPS, pooling: { temperature: 0.5 }, labelShare: 0.5 },
  "pooled maps and given targets": { type: "pooled", maps: MAPS, pooling: {}, labelShare: 0.3, hasGivenLabels: true },
  "given targets": { type: "given" },
  "a teacher": { type: "teacher", ...teacher },
  "a teacher at a temperature": { type: "teacher", ...teacher, temperature: 3 },
  "a teacher that sees more pixels, in other colours": {
    type: "teacher",
    ...teacher,
    view: { size: [24, 20], mean: [0.4, 0.5, 0.6], std: [0.3, 0.2, 0.25] },
  },
};

/** Everything that images are mixed by, and steps that tell; of four one is mixed by the other of two ways. */
const MIXES = {
  "nothing": { mix: {}, steps: [0] },
  "Mixup": { mix: { mixup: 0.8 }, steps: [0, 1] },
  "CutMix": { mix: { cutmix: 1 }, steps: [0, 1] },
  "either": { mix: { mixup: 0.8, cutmix: 1 }, steps: [0, 1, 2, 3] },
};

/** The targets on the device, by the programs that a trainer joins. */
async function onDevice(
  device: Device,
  { augmentation, targets: source, size }: TrainerSettings,
  batch: TrainingBatch,
) {
  const target = targetOf(device, "f32");
  const frames = augmentation.randAugment?.operations ?? 0;
  const mixed = augmentation.mixup !== undefined || augmentation.cutmix !== undefined;
  const views = lowerViews(source, { batch: BATCH, augmentation, image: network.input }, target);
  const made = lowerTargets(
    source,
    { batch: BATCH, classes: CLASSES, image: network.input, size, frames, mixed },
    target,
  );
  const inputs = [...views.flatMap(({ inputs }) => inputs), ...made.inputs];
  const programs = [...views.map(({ program }) => program), made];
  const plan = await createPlan(device, {
    tensors: new Map(programs.flatMap(({ tensors }) => [...tensors])),
    constants: new Map(programs.flatMap(({ constants }) => [...constants])),
    steps: programs.flatMap(({ steps }) => steps),
  }, { inputs, outputs: [TARGETS] });
  const write = (name: string, data: ArrayBufferView<ArrayBuffer>) => {
    const { buffer, offset } = plan.tensor(name);
    device.gpu.queue.writeBuffer(buffer, offset, data);
  };
  for (const { pack } of views) {
    for (const [name, bytes] of atOnce(pack(batch.images, batch.samples, batch.mix))) write(name, bytes);
  }
  if (made.inputs.includes(LABELS)) write(LABELS, batch.labels!);
  const given = source.type === "given" ? made.inputs[0] : GIVEN;
  if (made.inputs.includes(given)) {
    write(given, padChannels([...batch.targets!], CLASSES, "f32") as Float32Array<ArrayBuffer>);
  }
  if (source.type === "pooled") {
    const settings = poolerSettings(source, { batch: BATCH, frames });
    const { class: classes, score, regions } = POOLING_TENSORS;
    uploadMaps(device, { class: plan.tensor(classes), score: plan.tensor(score) }, batch.maps!, settings);
    const ranges = {
      regions: plan.tensor(regions),
      ...frames > 0 ? { frames: plan.tensor(POOLING_TENSORS.frames) } : {},
    };
    uploadCrops(device, ranges, batch.samples.map(({ crop }) => crop), settings, BATCH);
  }
  const result = plan.tensor(TARGETS);
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = createBuffer(device, result.size, usage, "targets");
  const encoder = device.gpu.createCommandEncoder();
  plan.encode(encoder);
  encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, result.size);
  device.gpu.queue.submit([encoder.finish()]);
  const read = await readBuffer(staging);
  staging.destroy();
  plan.close();
  return unpadChannels(read, CLASSES, "f32");
}

/** The targets by plain loops: a teacher is asked of the mixed images, all else is mixed as they are. */
function expectedTargets({ augmentation, targets: source, size }: TrainerSettings, batch: TrainingBatch): number[] {
  const { images, samples, mix, labels, maps, targets } = batch;
  const crops = samples.map(({ crop }) => crop);
  const mixed = (own: ArrayLike<number>) => [...mix ? mixTargetsReference(own, CLASSES, mix) : Array.from(own)];
  switch (source.type) {
    case "label":
      return mixed(labelTargetReference(labels!, { classes: CLASSES, smoothing: source.smoothing }));
    case "pooled": {
      const pooled = poolLabels(maps!, crops, source.pooling);
      const { labelShare: share, hasGivenLabels } = source;
      if (hasGivenLabels) return mixed(givenTargetReference(targets!, pooled, share!));
      return mixed(
        share === undefined ? pooled : labelTargetReference(labels!, { classes: CLASSES, smoothing: 0, share, pooled }),
      );
    }
    case "given":
      return mixed(targets!);
    case "teacher": {
      const settings = { ...augmentation, ...source.view };
      const sizes = { from: size, to: settings.size };
      const own = images.flatMap((image, index) => [
        ...augmentReference(image, augmentationAtSize(samples[index], sizes), settings),
      ]);
      const seen = mix ? mixImagesReference(own, sizes.to, mixAtSize(mix, sizes)) : own;
      const shape = [BATCH, ...sizes.to, 3];
      const { data } = classifyReference(network, teacher.parameters, { shape, data: Float32Array.from(seen) });
      return [...softmaxReference(data.map((logit) => logit / (source.temperature ?? 1)), CLASSES)];
    }
  }
}

for (const [name, source] of Object.entries(SOURCES)) {
  Deno.test(`targets of ${name} are those of what the network sees, mixed by ${Object.keys(MIXES).join(", ")}`, async () => {
    const device = await testDevice();
    for (const [mixName, { mix, steps }] of Object.entries(MIXES)) {
      for (const randAugment of [undefined, { operations: 2, magnitude: 30 }]) {
        const augmentation = { ...base, ...mix, randAugment };
        const settings = trainerSettings({ targets: source, augmentation });
        let apart = 0;
        for (const step of steps) {
          const batch = trainingBatch(settings, step);
          const expected = expectedTargets(settings, batch);
          const unmixed = batch.mix ? expectedTargets(settings, { ...batch, mix: undefined }) : expected;
          apart = Math.max(apart, ...expected.map((value, index) => Math.abs(value - unmixed[index])));
          for (const profile of step === 0 ? ["software", "gpu"] as const : ["software"] as const) {
            const actual = await onDevice(withProfile(device, profile), settings, batch);
            const what = `${name}, ${mixName}, ${randAugment ? "RandAugment, " : ""}step ${step}, ${profile}`;
            assertClose(actual, expected, { absolute: 2e-5, relative: 1e-4, name: what, shape: [BATCH, CLASSES] });
          }
        }
        assert(apart > 1e-3 === (mixName !== "nothing"), `${name}, ${mixName}: mixing changes targets by ${apart}`);
      }
    }
  });
}
