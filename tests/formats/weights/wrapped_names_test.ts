import { assertEquals, assertRejects } from "@std/assert";
import { loadParameters, openWeights } from "../../../formats/weights/mod.ts";
import { writeSafetensors } from "../../../formats/weights/safetensors_writer.ts";
import { type Pickled, torchFile } from "./torch_file.ts";
import { withFile } from "./with_file.ts";

const shapes = new Map([["conv.weight", [1]], ["fc.bias", [1]]]);

/** Weights with something before their names; the trained ones are 1 and 2, their averages 11 and 12. */
function trained(prefix = ""): Record<string, number> {
  return { [`${prefix}conv.weight`]: 1, [`${prefix}fc.bias`]: 2 };
}
function averaged(prefix = ""): Record<string, number> {
  return { [`${prefix}conv.weight`]: 11, [`${prefix}fc.bias`]: 12 };
}

const taken = (key: string, others: string) => `, the average under "${key}" is used, not ${others}`;

interface NameCase {
  readonly tensors: Record<string, number>;
  readonly isAverage?: boolean;
  /** What is said after the file's name. */
  readonly choice?: string;
}

const cases: Record<string, NameCase> = {
  "no wrapper": { tensors: trained() },
  "module.": { tensors: trained("module.") },
  "_orig_mod.": { tensors: trained("_orig_mod.") },
  "module._orig_mod.": { tensors: trained("module._orig_mod.") },
  "_orig_mod.module.": { tensors: trained("_orig_mod.module.") },
  "module.module.": { tensors: trained("module.module.") },
  "a compiled part": { tensors: { "conv._orig_mod.weight": 1, "fc.bias": 2 } },
  "FSDP around the whole and a part": {
    tensors: { "_fsdp_wrapped_module.conv._fsdp_wrapped_module.weight": 1, "_fsdp_wrapped_module.fc.bias": 2 },
  },
  "fairscale": { tensors: trained("_fsdp_wrapped_module._fpw_module.") },
  "Lightning's model.": { tensors: trained("model.") },
  "Lightning's net.": { tensors: trained("net.") },
  "state_dict.": { tensors: trained("state_dict.") },
  "state_dict.module.": { tensors: trained("state_dict.module.") },
  "model_ema.module.": { tensors: averaged("model_ema.module."), isAverage: true },
  "AveragedModel": { tensors: { n_averaged: 3, ...averaged("module.") }, isAverage: true },
  "model_ema.module. with its counter": {
    tensors: { "model_ema.n_averaged": 3, ...averaged("model_ema.module.") },
    isAverage: true,
  },
  "both, torchvision's": {
    tensors: { ...trained("model."), "model_ema.n_averaged": 3, ...averaged("model_ema.module.") },
    isAverage: true,
    choice: taken("model_ema", '"model"'),
  },
  "both, timm's": {
    tensors: { ...trained("state_dict."), ...averaged("state_dict_ema.") },
    isAverage: true,
    choice: taken("state_dict_ema", '"state_dict"'),
  },
  "both, of a compiled network": {
    tensors: { ...averaged("state_dict_ema._orig_mod."), ...trained("state_dict._orig_mod.") },
    isAverage: true,
    choice: taken("state_dict_ema", '"state_dict"'),
  },
};

/** The bytes of a safetensors file. */
async function safetensorsOf(tensors: Record<string, number>): Promise<Uint8Array<ArrayBuffer>> {
  const path = await Deno.makeTempFile();
  try {
    writeSafetensors(
      path,
      new Map(Object.entries(tensors).map(([name, value]) => [name, { shape: [1], data: Float32Array.of(value) }])),
    );
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

function torchOf(tensors: Record<string, number>): Uint8Array<ArrayBuffer> {
  return torchFile(
    Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, Float32Array.of(value)])),
  );
}

async function checkWeights(path: string, isAverage: boolean | undefined, choice?: string): Promise<void> {
  const weights = await openWeights(path);
  try {
    const parameters = await loadParameters(shapes, weights);
    const values = [...parameters.values()].map(({ data }) => data[0]);
    assertEquals(values, isAverage ? [11, 12] : [1, 2]);
    assertEquals(weights.choice, choice === undefined ? undefined : `Of "${path}"${choice}`);
  } finally {
    weights.close();
  }
}

for (const [name, { tensors, isAverage, choice }] of Object.entries(cases)) {
  Deno.test(`openWeights() takes off names of wrappers in any container: ${name}`, async () => {
    for (
      const [file, bytes] of [
        ["model.safetensors", await safetensorsOf(tensors)],
        ["model.pth", torchOf(tensors)],
        ["pytorch_model.bin", torchOf(tensors)],
      ] as const
    ) {
      await withFile(file, bytes, (path) => checkWeights(path, isAverage, choice));
    }
  });
}

const tensors = (values: Record<string, number>): Pickled =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float32Array.of(value)]));

const nested: Record<string, { readonly value: Pickled; readonly isAverage?: boolean; readonly choice?: string }> = {
  "model": { value: { model: tensors(trained()), epoch: 3 } },
  "state_dict with module.": { value: { state_dict: tensors(trained("module.")), arch: "resnet18" } },
  "state_dict with model., Lightning's": {
    value: { "pytorch-lightning_version": "2.0", state_dict: tensors(trained("model.")), callbacks: {} },
  },
  "model in a checkpoint of DeepSpeed's": { value: { module: tensors(trained()), dp_world_size: 8 } },
  "state_dict in model": { value: { model: { state_dict: tensors(trained()) } } },
  "a metric that is a tensor": { value: { state_dict: tensors(trained()), best: Float32Array.of(76) } },
  "an average that is not there": { value: { state_dict: tensors(trained()), state_dict_ema: null } },
  "timm's average": {
    value: { state_dict: tensors(trained()), state_dict_ema: tensors(averaged()) },
    isAverage: true,
    choice: taken("state_dict_ema", '"state_dict"'),
  },
  "torchvision's average": {
    value: { model: tensors(trained()), model_ema: tensors({ n_averaged: 3, ...averaged("module.") }), epoch: 1 },
    isAverage: true,
    choice: taken("model_ema", '"model"'),
  },
  "only an average": { value: { model_ema: tensors(averaged("module.")) }, isAverage: true },
  "two that are trained": {
    value: { model: tensors(averaged()), state_dict: tensors(trained()) },
    choice: ', under "state_dict" is used, not "model"',
  },
};

for (const [name, { value, isAverage, choice }] of Object.entries(nested)) {
  Deno.test(`openWeights() finds the weights of a checkpoint: ${name}`, async () => {
    await withFile("a.pth", torchFile(value), (path) => checkWeights(path, isAverage, choice));
  });
}

const mixtures: Record<string, [tensors: Record<string, number>, message: string]> = {
  "module. before some": [
    { "module.conv.weight": 1, "fc.bias": 2 },
    '1 of its 2 tensors have names that begin with "module.", others have not, such as "fc.bias"',
  ],
  "_orig_mod. before some": [
    { "conv.weight": 1, "_orig_mod.fc.bias": 2 },
    '1 of its 2 tensors have names that begin with "_orig_mod.", others have not, such as "conv.weight"',
  ],
  "module. before some of an average": [
    { "model_ema.module.conv.weight": 1, "model_ema.fc.bias": 2 },
    '1 of its 2 tensors have names that begin with "module.", others have not, such as "fc.bias"',
  ],
  "one name twice": [
    { "conv.weight": 1, "conv._orig_mod.weight": 2 },
    "two of its tensors have one name when those of wrappers are left out",
  ],
};

for (const [name, [values, message]] of Object.entries(mixtures)) {
  Deno.test(`openWeights() refuses a mixture of names: ${name}`, async () => {
    for (const bytes of [await safetensorsOf(values), torchOf(values)]) {
      await withFile("a.pth", bytes, async (path) => {
        await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": ${message}`);
      });
    }
  });
}

Deno.test("openWeights() does not follow a name of wrappers without an end", async () => {
  const name = "module.".repeat(1000);
  await withFile("a.safetensors", await safetensorsOf({ [`${name}conv.weight`]: 1 }), async (path) => {
    const weights = await openWeights(path);
    assertEquals(weights.names, [`${"module.".repeat(992)}conv.weight`]);
    weights.close();
  });
});
