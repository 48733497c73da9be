import { assertEquals, assertRejects } from "@std/assert";
import { openAnnotatorFolder } from "../../../formats/weights/mod.ts";
import { checkModelArguments } from "../../../formats/weights/model_arguments.ts";
import { pythonTest } from "../../python.ts";

/** An empty safetensors file. */
const weights = new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]);

const nested = {
  architecture: "tf_efficientnet_b0",
  num_classes: 2,
  label_names: ["cat", "dog"],
  pretrained_cfg: {
    tag: "ns_jft_in1k",
    input_size: [3, 224, 192],
    interpolation: "bicubic",
    crop_pct: 0.9,
    crop_mode: "squash",
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.1, 0.3],
    num_classes: 1000,
  },
};

/** Runs a test with a folder that has these files. */
async function withFolder(
  files: Record<string, unknown>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      if (content instanceof Uint8Array) await Deno.writeFile(`${folder}/${name}`, content);
      else {await Deno.writeTextFile(
          `${folder}/${name}`,
          typeof content === "string" ? content : JSON.stringify(content),
        );}
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openAnnotatorFolder() reads config.json as timm writes it", async () => {
  await withFolder(
    { "config.json": nested, "model.safetensors": weights, "pytorch_model.bin": weights },
    async (folder) => {
      const { weights, ...annotator } = await openAnnotatorFolder(folder);
      assertEquals(weights.path, `${folder}/model.safetensors`);
      weights.close();
      assertEquals(annotator, {
        name: "tf_efficientnet_b0.ns_jft_in1k",
        architecture: "tf_efficientnet_b0",
        classes: 2,
        inputSize: [224, 192],
        mean: [0.5, 0.4, 0.3],
        std: [0.2, 0.1, 0.3],
        interpolation: "bicubic",
        crop: { share: 0.9, mode: "squash" },
        test: { size: [224, 192], share: 0.9 },
        classNames: ["cat", "dog"],
      });
    },
  );
});

Deno.test("openAnnotatorFolder() reads the older config.json, which is flat", async () => {
  const flat = {
    architecture: "resnet18",
    num_classes: 10,
    input_size: [3, 32, 32],
    interpolation: "bilinear",
    mean: [0.4, 0.4, 0.4],
    std: [0.2, 0.2, 0.2],
  };
  await withFolder({ "config.json": flat, "pytorch_model.bin": weights }, async (folder) => {
    const { weights, ...annotator } = await openAnnotatorFolder(folder);
    assertEquals(weights.path, `${folder}/pytorch_model.bin`);
    weights.close();
    assertEquals(annotator, {
      name: "resnet18",
      architecture: "resnet18",
      classes: 10,
      inputSize: [32, 32],
      mean: [0.4, 0.4, 0.4],
      std: [0.2, 0.2, 0.2],
      interpolation: "bilinear",
      crop: { share: 0.875, mode: "center" },
      test: { size: [32, 32], share: 0.875 },
    });
  });
});

Deno.test("openAnnotatorFolder() reads the default annotator", async () => {
  const folder = new URL("../../../assets/efficientnet_lite0", import.meta.url).pathname;
  const { weights, ...annotator } = await openAnnotatorFolder(folder);
  assertEquals(weights.dtype("conv_stem.weight"), "F16");
  weights.close();
  assertEquals(annotator.name, "tf_efficientnet_lite0.in1k");
  assertEquals(annotator.classes, 1000);
});

Deno.test("openAnnotatorFolder() takes the only weight file, or the one that is named", async () => {
  await withFolder({ "config.json": nested, "ema.pth.tar": weights, "README.md": "" }, async (folder) => {
    const annotator = await openAnnotatorFolder(folder);
    assertEquals(annotator.weights.path, `${folder}/ema.pth.tar`);
    annotator.weights.close();
  });
  await withFolder(
    { "config.json": nested, "last.safetensors": weights, "best.safetensors": weights },
    async (folder) => {
      const annotator = await openAnnotatorFolder(folder);
      assertEquals(annotator.weights.path, `${folder}/best.safetensors`);
      annotator.weights.close();
    },
  );
  await withFolder({ "config.json": nested, "a.pth": weights, "b.pth": weights }, async (folder) => {
    await assertRejects(
      () => openAnnotatorFolder(folder),
      TypeError,
      `Cannot read annotator "${folder}": which of a.pth, b.pth is meant? Name the file`,
    );
    const annotator = await openAnnotatorFolder(`${folder}/b.pth`);
    assertEquals(annotator.weights.path, `${folder}/b.pth`);
    annotator.weights.close();
  });
});

Deno.test("openAnnotatorFolder() says what is missing", async () => {
  await withFolder({}, async (folder) => {
    await assertRejects(
      () => openAnnotatorFolder(folder),
      Deno.errors.NotFound,
      `Cannot read annotator "${folder}": it has no config.json`,
    );
    await assertRejects(
      () => openAnnotatorFolder(`${folder}/none`),
      Deno.errors.NotFound,
      `Cannot read annotator "${folder}/none": there is no such folder or file`,
    );
  });
  await withFolder({ "config.json": nested }, async (folder) => {
    await assertRejects(
      () => openAnnotatorFolder(folder),
      Deno.errors.NotFound,
      `Cannot read annotator "${folder}": it has no model.safetensors or other weights`,
    );
  });
});

const wrong: Record<string, unknown> = {
  "it is not JSON": "{",
  "it is not a JSON object": "[]",
  "it has values more than 16 deep": `{"architecture":${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}}`,
  'it has "num_classes" twice': '{"num_classes":2,"num_classes":3}',
  "it has 16777219 bytes, at most 16777216 are read": `{"":"${" ".repeat((16 << 20) - 4)}"}`,
  "architecture is missing, expected timm's name of a network": { ...nested, architecture: undefined },
  "num_classes is 0, expected a positive integer": { ...nested, num_classes: 0 },
  "input_size is [1,28,28], expected [3, height, width]": withPretrained({ input_size: [1, 28, 28] }),
  "mean is missing, expected three numbers": withPretrained({ mean: undefined }),
  "std is [0,1,1], expected three positive numbers": withPretrained({ std: [0, 1, 1] }),
  "crop_pct is 1.5, expected more than 0 and at most 1": withPretrained({ crop_pct: 1.5 }),
  "crop_mode is 3, expected a word such as center": withPretrained({ crop_mode: 3 }),
  'interpolation is "lanczos", expected bilinear or bicubic': withPretrained({ interpolation: "lanczos" }),
  "label_names is not a list of 2 names": { ...nested, label_names: ["cat"] },
  "model_args has img_size, which changes the network in an unknown way": {
    ...nested,
    model_args: { drop_rate: 0.1, img_size: 224 },
  },
};

function withPretrained(changes: Record<string, unknown>) {
  return { ...nested, pretrained_cfg: { ...nested.pretrained_cfg, ...changes } };
}

const defaults: Record<string, Record<string, unknown>> = {
  tf_efficientnet_b0: {
    ...{ drop_rate: 0.2, drop_path_rate: 0.2, num_classes: 2, in_chans: 3, global_pool: "avg", output_stride: 32 },
    ...{ act_layer: "swish", pad_type: "same", stem_size: 32, fix_stem: false, aa_layer: null, se_layer: null },
  },
  efficientnet_lite0: { act_layer: "relu6", pad_type: "", bn_eps: null },
  resnet18: {
    ...{ stem_width: 64, stem_type: "", cardinality: 1, base_width: 64, act_layer: "relu", avg_down: false },
    ...{ zero_init_last: false, block_args: null, global_pool: "fast", scriptable: true },
  },
  resnext50_32x4d: { stem_width: 64, replace_stem_pool: false },
  vit_small_patch16_224: { img_size: 224, global_pool: "token", drop_path_rate: 0.1, dynamic_img_size: true },
  vit_so150m_patch16_reg4_gap_256: { img_size: [384, 320], global_pool: "avg" },
  vit_so400m_patch14_siglip_378: { img_size: 378, global_pool: "map" },
  vit_relpos_medium_patch16_cls_224: { global_pool: "token" },
  vit_srelpos_medium_patch16_224: { global_pool: "avg" },
  swin_tiny_patch4_window7_224: { img_size: [224, 448], global_pool: "avg" },
  rexnet_100: { se_ratio: 1 / 12, initial_chs: 16, act_layer: "swish", dw_act_layer: "relu6" },
};

for (const [architecture, model_args] of Object.entries(defaults)) {
  Deno.test(`openAnnotatorFolder() takes model_args of ${architecture} that are at their defaults`, async () => {
    const config = { ...nested, architecture, model_args };
    await withFolder({ "config.json": config, "model.safetensors": weights }, async (folder) => {
      (await openAnnotatorFolder(folder)).weights.close();
    });
  });
}

const changes: [architecture: string, model_args: Record<string, unknown>, found: string][] = [
  ["resnet18", { avg_down: true }, "avg_down true, only false is known for resnet18"],
  ["resnet18", { global_pool: "max" }, 'global_pool "max", only "avg" or "fast" or "fastavg" is known for resnet18'],
  ["resnet18", { output_stride: 16 }, "output_stride 16, only 32 is known for resnet18"],
  ["resnet18", { in_chans: 1 }, "in_chans 1, only 3 is known for resnet18"],
  ["resnet18", { num_classes: 3 }, "num_classes 3, only 2 is known for resnet18"],
  ["efficientnet_b0", { act_layer: "relu" }, 'act_layer "relu", only "swish" or "silu" is known for efficientnet_b0'],
  ["efficientnet_b0", { pad_type: "same" }, 'pad_type "same", only "" is known for efficientnet_b0'],
  [
    "vit_small_patch16_224",
    { img_size: [224] },
    "img_size [224], only a size in pixels is known for vit_small_patch16_224",
  ],
  ["vit_small_patch16_224", { img_size: 0 }, "img_size 0, only a size in pixels is known for vit_small_patch16_224"],
  [
    "vit_small_patch16_224",
    { global_pool: "avg" },
    'global_pool "avg", only "token" is known for vit_small_patch16_224',
  ],
  ["vit_small_patch16_224", { reg_tokens: 4 }, "reg_tokens, which changes the network in an unknown way"],
  ["resnext50_32x4d", { cardinality: 32 }, "cardinality, which changes the network in an unknown way"],
];

for (const [architecture, model_args, found] of changes) {
  Deno.test(`openAnnotatorFolder() refuses model_args: ${found}`, async () => {
    const config = { ...nested, architecture, model_args };
    await withFolder({ "config.json": config, "model.safetensors": weights }, async (folder) => {
      await assertRejects(
        () => openAnnotatorFolder(folder),
        TypeError,
        `Cannot read "${folder}/config.json": model_args has ${found}`,
      );
    });
  });
}

Deno.test("openAnnotatorFolder() takes what timm takes where pretrained_cfg and what is around it disagree", async () => {
  const config = { ...nested, input_size: [3, 32, 32], mean: [0, 0, 0], crop_pct: 0.5, interpolation: "bilinear" };
  await withFolder({ "config.json": config, "model.safetensors": weights }, async (folder) => {
    const annotator = await openAnnotatorFolder(folder);
    annotator.weights.close();
    assertEquals([annotator.inputSize, annotator.mean, annotator.crop.share, annotator.interpolation], [
      [224, 192],
      [0.5, 0.4, 0.3],
      0.9,
      "bicubic",
    ]);
    assertEquals([annotator.classes, annotator.classNames], [2, ["cat", "dog"]]);
  });
});

Deno.test("openAnnotatorFolder() finds around pretrained_cfg what it lacks", async () => {
  const { mean, ...pretrained_cfg } = nested.pretrained_cfg;
  await withFolder(
    { "config.json": { ...nested, mean, pretrained_cfg }, "model.safetensors": weights },
    async (folder) => {
      const annotator = await openAnnotatorFolder(folder);
      annotator.weights.close();
      assertEquals(annotator.mean, [0.5, 0.4, 0.3]);
    },
  );
});

pythonTest("timm's networks have the defaults that model_args may repeat", ["timm"], async (run) => {
  const defaults = JSON.parse(
    await run(`
import inspect, json, timm
from timm.models import efficientnet, resnet, rexnet
classes = {"resnet18": resnet.ResNet, "efficientnet_b0": efficientnet.EfficientNet, "rexnet_100": rexnet.RexNet}
print(json.dumps({
    name: {key: value.default for key, value in inspect.signature(constructor.__init__).parameters.items()
           if isinstance(value.default, (int, float, str)) and key not in ("num_classes", "num_features", "width_mult", "ch_div")}
    for name, constructor in classes.items()}))`),
  );
  for (const [architecture, model_args] of Object.entries<Record<string, unknown>>(defaults)) {
    checkModelArguments("config.json", architecture, 1000, model_args);
  }
});

for (const [message, config] of Object.entries(wrong)) {
  Deno.test(`openAnnotatorFolder() refuses a config.json: ${message}`, async () => {
    await withFolder({ "config.json": config, "model.safetensors": weights }, async (folder) => {
      await assertRejects(
        () => openAnnotatorFolder(folder),
        TypeError,
        `Cannot read "${folder}/config.json": ${message}`,
      );
    });
  });
}
