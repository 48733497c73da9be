import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeImage } from "../../../formats/images/mod.ts";
import { loadParameters, openAnnotatorFolder, openWeights } from "../../../formats/weights/mod.ts";
import { type ClassifierSettings, createClassifier, lowerClassifier } from "../../../kernels/programs/classifier.ts";
import type { Device } from "../../../kernels/engine/device.ts";
import type { Profile, Storage } from "../../../kernels/engine/kernel.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import { centerCrop, normalisationLevels, resizeReference } from "../../../kernels/operations/resize/mod.ts";
import type { Pixels } from "../../../formats/base/pixels.ts";
import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { classifyReference, type Tensor } from "../networks/reference.ts";
import { randomValues, targets, testDevice } from "../tensors.ts";

const ASSETS = new URL("../../../assets/", import.meta.url);
const FIXTURES = new URL("../../fixtures/lite0/", import.meta.url);

async function fixtureSettings(name: string): Promise<ClassifierSettings> {
  return {
    network: fixtureNetworks[name],
    parameters: (await readFixture(name)).parameters,
    batch: 3,
    size: [61, 53],
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.25, 0.3],
    interpolation: "bicubic",
  };
}

function image(width: number, height: number, seed: number): Pixels {
  return { width, height, pixels: Uint8Array.from(randomValues(width * height * 3, seed), (v) => (v + 1) * 127.5) };
}

/** What the network reads of an image, computed without the resizer. */
function inputOf({ width, height, pixels }: Pixels, settings: ClassifierSettings): Tensor {
  const { size, cover, mean, std, interpolation: filter } = settings;
  const options = cover ? centerCrop(width, height, { cover, crop: size }) : { size };
  const resized = resizeReference(pixels, width, height, { ...options, filter });
  const levels = normalisationLevels(mean, std);
  return { shape: [1, ...size, 3], data: Float32Array.from(resized, (level, at) => levels[level * 4 + at % 3]) };
}

function on(device: Device, { profile }: { profile: Profile }): Device {
  return { ...device, capabilities: { ...device.capabilities, profile } };
}

async function classify(device: Device, settings: ClassifierSettings, images: readonly Pixels[]) {
  const classifier = await createClassifier(device, settings);
  try {
    return await classifier.classify(images);
  } finally {
    classifier.close();
  }
}

for (const name of ["efficientnet_lite", "resnet_basic", "rexnet"]) {
  Deno.test(`classify() gives the logits of the reference, whole and by the centre: ${name}`, async () => {
    const device = await testDevice();
    const images = [image(67, 45, 1), image(53, 61, 2), image(20, 90, 3)];
    for (const cover of [undefined, [70, 61]] as const) {
      const settings = { ...await fixtureSettings(name), ...(cover ? { cover } : {}) };
      const { network } = settings;
      const { parameters } = await readFixture(name);
      const expected = images.map((image) => {
        return classifyReference(network, parameters, inputOf(image, settings)).data;
      });
      for (const { profile, storage } of targets(device)) {
        const logits = await classify(on(device, { profile }), { ...settings, storage }, images);
        const largest = Math.max(...expected.flatMap((row) => [...row].map(Math.abs)));
        const tolerance: Record<Storage, number> = { f32: 1e-5, f16: 2e-2 };
        expected.forEach((row, index) =>
          assertClose(logits[index], row, {
            absolute: tolerance[storage] * largest,
            relative: 0,
            name: `image ${index} ${profile} ${storage}`,
          })
        );
      }
    }
  });
}

Deno.test("classify() gives timm's logits of the photographs", async () => {
  const folder = await openAnnotatorFolder(new URL("efficientnet_lite0", ASSETS).pathname);
  const network = buildNetwork(folder.architecture, { classes: folder.classes });
  const parameters = await loadParameters(parameterShapes(network), folder.weights);
  folder.weights.close();
  const expected = await openWeights(new URL("photos.safetensors", FIXTURES).pathname);
  const { mean, std, interpolation } = folder;
  const settings = { network, parameters, batch: 1, size: [224, 224], mean, std, interpolation } as const;
  const classifier = await createClassifier(await testDevice(), settings);
  for (const name of expected.names.filter((name) => name.endsWith(".224.pooled"))) {
    const key = name.replace(".224.pooled", "");
    const [logits] = await classifier.classify([
      await decodeImage(await Deno.readFile(new URL(`photos/${key}`, ASSETS))),
    ]);
    assertClose(logits, await expected.read(name), { absolute: 2e-3, relative: 0, name: key });
  }
  classifier.close();
  expected.close();
});

Deno.test("classify() gives an image the same bits in any batch, and of a size larger than a binding", async () => {
  const device = await testDevice();
  const settings = { ...await fixtureSettings("efficientnet_lite"), cover: [70, 61] } as const;
  const images = [image(1201, 803, 1), image(67, 45, 2), image(1, 1, 3)];
  for (const { profile } of targets(device)) {
    const together = await classify(on(device, { profile }), settings, images);
    for (const [index, one] of images.entries()) {
      assertEquals(await classify(on(device, { profile }), { ...settings, batch: 1 }, [one]), [together[index]]);
    }
  }
  const gpu = on(device, { profile: "gpu" });
  const limited = { ...gpu, capabilities: { ...gpu.capabilities, maxBindingBytes: 1 << 21 } };
  assertEquals(await classify(limited, settings, images), await classify(gpu, settings, images));
});

Deno.test("createClassifier() refuses more images than its batch, and an input that is too small", async () => {
  const settings = await fixtureSettings("resnet_basic");
  const one = image(3, 3, 1);
  const device = await testDevice();
  await assertRejects(() => classify(device, settings, [one, one, one, one]), RangeError, "the batch is 3");
  const target = { profile: "software", storage: "f32" } as const;
  assertThrows(() => lowerClassifier({ ...settings, size: [0, 32] }, target), RangeError);
});
