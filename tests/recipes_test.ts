import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { isArchitecture } from "../kernels/networks/mod.ts";
import { TRAIN } from "../pipeline/training/options.ts";
import type { GivenSettings, RequestedSettings } from "../pipeline/training/settings.ts";
import { ROOT } from "./pipeline/task.ts";

/** Section 4.1. */
const SGD: GivenSettings = {
  ...{ size: [224, 224], epochs: 300, batch: 1024, schedule: "cosine" },
  ...{ optimizer: "sgd", lr: 0.1, momentum: 0.9, weightDecay: 1e-4 },
};

/** Section 4.1 with CutMix, whose optimizer is that of the paper's code. */
const CUTMIX: GivenSettings = { ...SGD, optimizer: "adamp", lr: 0.002, weightDecay: 0.01, cutmix: 1, mixOffEpochs: 5 };

/** Appendix D.3. */
const COCO: GivenSettings = {
  ...{ optimizer: "adamp", lr: 2e-4, weightDecay: 0.01 },
  ...{ batch: 128, schedule: "cosine", loss: "bce" },
};

/** What the paper says of each recipe, or the paper that it names. */
const PAPER: Readonly<Record<string, GivenSettings>> = {
  "imagenet_resnet18.yaml": { network: "resnet18", ...SGD },
  "imagenet_resnet50.yaml": { network: "resnet50", ...SGD },
  "imagenet_resnet101.yaml": { network: "resnet101", ...SGD },
  "imagenet_resnet50_cutmix.yaml": { network: "resnet50", ...CUTMIX },
  "imagenet_resnet101_cutmix.yaml": { network: "resnet101", ...CUTMIX },
  // Appendix D.1.
  "efficientnet.yaml": {
    ...{ network: "efficientnet_b0", size: [224, 224], epochs: 400, batch: 512 },
    ...{ optimizer: "adamp", lr: 0.002, weightDecay: 0.01, dropout: 0.2, dropPath: 0.2 },
  },
  // ReXNet's authors.
  "rexnet.yaml": {
    ...{ network: "rexnet_100", size: [224, 224], epochs: 400, batch: 512, schedule: "cosine" },
    ...{ optimizer: "sgd", lr: 0.5, weightDecay: 1e-5, dropout: 0.2, erasing: 0.2, randAugment: [2, 9] },
  },
  // Appendix D.2.
  "distillation.yaml": {
    network: "resnet50",
    ...SGD,
    batch: 256,
    labels: "distill",
    teacherTemperature: 1,
    loss: "ce",
  },
  // Appendix D.3.
  "coco_resnet50_224.yaml": { network: "resnet50", size: [224, 224], ...COCO },
  "coco_resnet101_448.yaml": { network: "resnet101", size: [448, 448], ...COCO },
  // Section 4.2.
  "fine_grained.yaml": { network: "resnet50", size: [224, 224], optimizer: "sgd", steps: 5000 },
};

const NAMES = [...Deno.readDirSync(join(ROOT, "recipes"))].map(({ name }) => name);

/** The settings of a recipe, of a training on images. */
function settingsOf(name: string, ...args: readonly string[]): RequestedSettings {
  const teacher = name === "distillation.yaml" ? ["--teacher", "teacher"] : [];
  const command = TRAIN.read(["--config", join(ROOT, "recipes", name), "images", ...teacher, ...args]);
  if (typeof command === "string") throw new TypeError("no training was asked for");
  return command.options;
}

Deno.test("every recipe is a training with the settings that the paper has", () => {
  assertEquals(NAMES.toSorted(), Object.keys(PAPER).sort());
  for (const name of NAMES) {
    const settings = settingsOf(name);
    for (const [setting, value] of Object.entries(PAPER[name])) {
      assertEquals(settings[setting as keyof RequestedSettings], value, `${name}: ${setting}`);
    }
    assert(isArchitecture(settings.network), settings.network);
  }
});

Deno.test("every recipe but that of distillation is as well one for label maps", () => {
  for (const name of NAMES.filter((name) => name !== "distillation.yaml")) {
    const { labels, ...others } = settingsOf(name, "--maps", "labels");
    assertEquals([labels, { ...others, maps: undefined, labels: "original" }], ["relabel", {
      ...settingsOf(name),
      maps: undefined,
    }]);
  }
});

Deno.test("Mixup and erasing are in the recipe whose section names them", () => {
  const { mixup, erasing, randAugment } = settingsOf("efficientnet.yaml");
  assert(mixup > 0 && erasing > 0 && randAugment !== undefined);
});
