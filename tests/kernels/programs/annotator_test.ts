import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decodeImage } from "../../../formats/images/mod.ts";
import { loadParameters, openAnnotatorFolder, openWeights } from "../../../formats/weights/mod.ts";
import {
  type Annotator,
  type AnnotatorSettings,
  createAnnotator,
  lowerAnnotator,
} from "../../../kernels/programs/annotator.ts";
import type { Device } from "../../../kernels/engine/device.ts";
import type { Profile } from "../../../kernels/engine/kernel.ts";
import { buildNetwork, initialParameters } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import {
  coarserMapReference,
  type MapAverage,
  meanMapReference,
  type PictureMap,
} from "../../../kernels/operations/map_average/reference.ts";
import { softmaxReference } from "../../../kernels/operations/softmax/kernels.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import type { Pixels } from "../../../formats/base/pixels.ts";
import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { hiddenLayerNetwork } from "../networks/hidden_layer_network.ts";
import { classifyReference, runReference } from "../networks/reference.ts";
import { randomValues, testDevice } from "../tensors.ts";

const ASSETS = new URL("../../../assets/", import.meta.url);
const FIXTURES = new URL("../../fixtures/lite0/", import.meta.url);

async function withProfile(profile: Profile): Promise<Device> {
  const device = await testDevice();
  return { ...device, capabilities: { ...device.capabilities, profile } };
}

async function fixtureSettings(): Promise<AnnotatorSettings> {
  return {
    network: fixtureNetworks.efficientnet_lite,
    parameters: (await readFixture("efficientnet_lite")).parameters,
    batch: 2,
    size: [61, 53],
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.25, 0.3],
    interpolation: "bicubic",
    k: 3,
    dtype: "fp32",
  };
}

function image(width: number, height: number, seed: number): Pixels {
  return { width, height, pixels: Uint8Array.from(randomValues(width * height * 3, seed), (v) => (v + 1) * 127.5) };
}

async function using<T>(device: Device, settings: AnnotatorSettings, run: (annotator: Annotator) => Promise<T>) {
  const annotator = await createAnnotator(device, settings);
  try {
    return await run(annotator);
  } finally {
    annotator.close();
  }
}

Deno.test("createAnnotator() gives the label maps of timm's tf_efficientnet_lite0 on the photographs", async (t) => {
  const device = await withProfile("software");
  const folder = await openAnnotatorFolder(new URL("efficientnet_lite0", ASSETS).pathname);
  const network = buildNetwork(folder.architecture, { classes: folder.classes });
  const parameters = await loadParameters(parameterShapes(network), folder.weights);
  folder.weights.close();
  const expected = await openWeights(new URL("photos.safetensors", FIXTURES).pathname);
  const top5 = JSON.parse(await Deno.readTextFile(new URL("top5.json", FIXTURES)));
  const keys = [...new Set(expected.names.map((name) => name.replace(/\.(224|448)\.\w+$/, "")))].sort();
  const { mean, std, interpolation } = folder;
  for (const size of [224, 448]) {
    await t.step(`at ${size} x ${size}, ${keys.length} photographs`, () =>
      using(device, {
        network,
        parameters,
        batch: 1,
        size: [size, size],
        mean,
        std,
        interpolation: interpolation as "bicubic",
        k: 6,
        dtype: "fp32",
      }, async (annotator) => {
        for (const key of keys) {
          const pixels = await decodeImage(await Deno.readFile(new URL(`photos/${key}`, ASSETS)));
          const [map] = await annotator.annotate([pixels]);
          const classes = await expected.read(`${key}.${size}.class`);
          const scores = await expected.read(`${key}.${size}.score`);
          const cells = annotator.grid[0] * annotator.grid[1];
          assertClose(map.score, scores.slice(0, 6 * cells), { absolute: 2e-3, relative: 0, name: key });
          for (let at = 0; at < 5 * cells; at++) {
            if (map.class[at] === classes[at]) continue;
            const near = [at - cells, at + cells].some((other) => Math.abs(scores[other] - scores[at]) < 2e-3);
            assert(near, `${key}: rank and cell ${at} is class ${map.class[at]}, expected ${classes[at]}`);
          }
          const best: [number, string, number][] = top5[`${key}@${size}`];
          assertEquals([...map.topClass], best.map(([index]) => index), key);
          assertClose(map.topProbability, best.map(([, , probability]) => probability), {
            absolute: 1e-4,
            relative: 0,
            name: `${key} probabilities`,
          });
        }
      }));
  }
  expected.close();
});

for (const profile of ["software", "gpu"] as const) {
  Deno.test(`annotate() gives an image the same bits in any batch and order, ${profile} profile`, async () => {
    const device = await withProfile(profile);
    const settings = await fixtureSettings();
    const images = [image(67, 45, 1), image(53, 61, 2), image(20, 90, 3), image(67, 45, 4), image(1, 1, 5)];
    const alone = await using(device, { ...settings, batch: 1 }, async (annotator) => {
      const maps = [];
      for (const one of images) maps.push(...await annotator.annotate([one]));
      return maps;
    });
    const together = await using(device, { ...settings, batch: 5 }, (annotator) => annotator.annotate(images));
    assertEquals(together, alone);
    const overlapped = await using(device, settings, async (annotator) => {
      const calls = [[0, 1], [2, 3], [4]].map((batch) => annotator.annotate(batch.map((index) => images[index])));
      return (await Promise.all(calls)).flat();
    });
    assertEquals(overlapped, alone);
  });
}

Deno.test("annotate() gives nearly the same maps in both profiles", async () => {
  const settings = await fixtureSettings();
  const images = [image(67, 45, 1), image(53, 61, 2)];
  const [software, gpu] = await Promise.all(
    ["software", "gpu"].map(async (profile) =>
      using(await withProfile(profile as Profile), settings, (annotator) => annotator.annotate(images))
    ),
  );
  software.forEach((map, index) => {
    assertClose(gpu[index].score, map.score, { absolute: 1e-5, relative: 1e-4, name: `image ${index}` });
    assertEquals(gpu[index].topClass, map.topClass);
  });
});

Deno.test("annotate() takes images larger than the pixel buffer, and than a binding", async () => {
  const settings = await fixtureSettings();
  const images = [image(1201, 803, 1), image(20, 10, 2)];
  const software = await using(await withProfile("software"), settings, (annotator) => annotator.annotate(images));
  const device = await withProfile("gpu");
  const limited = { ...device, capabilities: { ...device.capabilities, maxBindingBytes: 1 << 21 } };
  for (const gpu of [device, limited]) {
    const maps = await using(gpu, settings, (annotator) => annotator.annotate(images));
    maps.forEach((map, index) =>
      assertClose(map.score, software[index].score, { absolute: 1e-5, relative: 1e-4, name: `image ${index}` })
    );
  }
});

Deno.test("annotate() packs float32 and float16 from the same logits", async () => {
  const device = await withProfile("software");
  const settings = await fixtureSettings();
  const images = [image(67, 45, 1)];
  const [fp32] = await using(device, settings, (annotator) => annotator.annotate(images));
  const [fp16] = await using(device, { ...settings, dtype: "fp16" }, (annotator) => annotator.annotate(images));
  assertEquals(fp16.class, fp32.class);
  assertEquals(fp16.score, new Uint16Array(Float16Array.from(fp32.score).buffer));
});

for (const profile of ["software", "gpu"] as const) {
  Deno.test(`annotate() takes what an image shows from the pooled head where cells do not say it, ${profile} profile`, async () => {
    const [size, classes] = [[20, 28] as const, 7];
    const network = hiddenLayerNetwork(classes);
    const parameters = initialParameters(network, 5) as Parameters<typeof runReference>[1];
    const settings = { ...await fixtureSettings(), network, parameters, size, k: classes };
    const images = [image(size[1], size[0], 1), image(size[1], size[0], 2)];
    const maps = await using(await withProfile(profile), settings, (annotator) => annotator.annotate(images));
    for (const [index, { pixels }] of images.entries()) {
      const data = Float32Array.from(
        pixels,
        (value, at) => (value / 255 - settings.mean[at % 3]) / settings.std[at % 3],
      );
      const input = { shape: [1, ...size, 3], data };
      const dense = runReference(network, parameters, input).get(network.dense.output)!;
      const logits = classifyReference(network, parameters, input).data;
      const cells = dense.data.length / classes;
      const scores = Array.from(
        { length: cells },
        (_, cell) => [...dense.data.subarray(cell * classes, (cell + 1) * classes)].sort((a, b) => b - a),
      );
      const ranked = Float64Array.from(
        { length: classes * cells },
        (_, at) => scores[at % cells][Math.floor(at / cells)],
      );
      assertClose(maps[index].score, ranked, { absolute: 1e-4, relative: 0, name: `map ${index}` });
      const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, 5);
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      assertEquals([...maps[index].topClass], order);
      assertClose(maps[index].topProbability, order.map((at) => Math.exp(logits[at]) / sum), {
        absolute: 1e-5,
        relative: 0,
        name: `probabilities ${index}`,
      });
      const means = Array.from(
        { length: classes },
        (_, at) => scores.reduce((total, _, cell) => total + dense.data[cell * classes + at], 0) / cells,
      );
      assert(Math.max(...means.map((mean, at) => Math.abs(mean - logits[at]))) > 0.01);
    }
  });
}

/** All logits of the map of an image, and those of the image, up to a summand. */
async function allLogits(settings: AnnotatorSettings, one: Pixels, mirrored: boolean) {
  const classes = settings.network.classifier.outputChannels;
  return await using(await withProfile("software"), { ...settings, k: classes }, async (annotator) => {
    const [map] = await annotator.annotate([mirrored ? mirror(one) : one]);
    const cells = annotator.grid[0] * annotator.grid[1];
    const logits = new Float64Array(cells * classes);
    map.class.forEach((index, at) => logits[at % cells * classes + index] = map.score[at]);
    const mean = Float64Array.from({ length: classes }, (_, c) => {
      let sum = 0;
      for (let cell = 0; cell < cells; cell++) sum += logits[cell * classes + c];
      return sum / cells;
    });
    return {
      cells: { logits, grid: annotator.grid, mirrored },
      whole: { logits: mean, grid: [1, 1] as Pair, mirrored },
    };
  });
}

function mirror({ width, height, pixels }: Pixels): Pixels {
  const mirrored = pixels.map((_, index) => {
    const x = Math.floor(index / 3) % width;
    return pixels[index + 3 * (width - 1 - 2 * x)];
  });
  return { width, height, pixels: mirrored };
}

/** What an annotator has to give of pictures' maps. */
function expectedMap(
  pictures: readonly { cells: PictureMap; whole: PictureMap }[],
  options: {
    classes: number;
    temperature: number;
    average: MapAverage;
    scores: "softmax" | "sigmoid";
    grid: Pair;
    own: Pair;
  },
) {
  const { classes, average, scores, grid, own } = options;
  const logit = (value: number) => Math.log(value) - (scores === "sigmoid" ? Math.log(1 - value) : 0);
  const logarithms = (values: Float64Array) => average === "logits" ? values : values.map(logit);
  const cells = meanMapReference(pictures.map(({ cells }) => cells), options);
  const map = logarithms(coarserMapReference(cells, { classes, from: own, to: grid }));
  const whole = logarithms(meanMapReference(pictures.map(({ whole }) => whole), options));
  const sigmoids = whole.map((value) => 1 / (1 + Math.exp(-value)));
  return { map, probabilities: scores === "softmax" ? softmaxReference(whole, classes) : sigmoids };
}

for (const profile of ["software", "gpu"] as const) {
  for (
    const [average, scores] of [
      ["logits", "softmax"],
      ["probabilities", "softmax"],
      ["logits", "sigmoid"],
      ["probabilities", "sigmoid"],
    ] as const
  ) {
    Deno.test(`annotate() averages ${average} of an image, its mirrored picture and other networks and sizes, by ${scores}, ${profile} profile`, async () => {
      const settings = await fixtureSettings();
      const { network, parameters } = settings;
      const classes = network.classifier.outputChannels;
      const size = [96, 70] as const;
      const one = image(settings.size[1], settings.size[0], 3);
      const alone = [settings, { ...settings, size, mean: [0.4, 0.4, 0.4] }];
      for (
        const { others, mirror: mirrored, grid, temperature } of [
          { others: 0, mirror: true, grid: undefined, temperature: 1 },
          { others: 1, mirror: false, grid: undefined, temperature: 1 },
          { others: 1, mirror: false, grid: [5, 9] as const, temperature: 2 },
          { others: 0, mirror: false, grid: undefined, temperature: 0.5 },
          { others: 0, mirror: false, grid: [3, 7] as const, temperature: 1 },
        ]
      ) {
        const averaged: AnnotatorSettings = {
          ...settings,
          others: alone.slice(1, 1 + others).map((other) => ({ ...other, network, parameters })),
          mirror: mirrored,
          grid,
          temperature,
          average,
          scores,
          k: classes,
        };
        const device = await withProfile(profile);
        const [found, annotatorGrid, pooledFrom] = await using(device, averaged, async (annotator) => {
          const [map] = await annotator.annotate([one]);
          return [map, annotator.grid, annotator.pooledFrom] as const;
        });
        const pictures = [];
        for (const settings of alone.slice(0, 1 + others)) {
          pictures.push(await allLogits(settings, one, false));
          if (mirrored) pictures.push(await allLogits(settings, one, true));
        }
        const full = others === 0 ? [8, 7] as const : [12, 9] as const;
        const expected = expectedMap(pictures, {
          classes,
          temperature,
          average,
          scores,
          grid: grid ?? full,
          own: full,
        });
        assertEquals(annotatorGrid, grid ?? full);
        assertEquals(pooledFrom, grid && full);
        const cells = annotatorGrid[0] * annotatorGrid[1];
        const logits = new Float64Array(cells * classes);
        found.class.forEach((index, at) => logits[at % cells * classes + index] = found.score[at]);
        const name = `${others} others, mirrored ${mirrored}, grid ${grid}, temperature ${temperature}`;
        // Near 1 a float32 probability says little of its odds: 6e-5 of the logit there, and from 16.6 on nothing.
        const isRounded = average === "probabilities" && scores === "sigmoid";
        const known = (values: Float64Array) => isRounded ? values.map((value) => Math.min(value, 6)) : values;
        assertClose(known(logits), known(expected.map), { absolute: 1e-4, relative: 1e-4, name });
        assertClose(found.topProbability, Array.from(found.topClass, (index) => expected.probabilities[index]), {
          absolute: 1e-5,
          relative: 1e-4,
          name: `probabilities, ${name}`,
        });
      }
    });
  }
}

Deno.test("lowerAnnotator() refuses a grid larger than the maps, and networks of other classes", async () => {
  const settings = await fixtureSettings();
  const target = { profile: "software", storage: "f32" } as const;
  assertThrows(
    () => lowerAnnotator({ ...settings, grid: [9, 7] }, target),
    RangeError,
    "those of the network have 8 x 7",
  );
  const others = [{ ...settings, network: hiddenLayerNetwork(7), parameters: new Map() }];
  assertThrows(() => lowerAnnotator({ ...settings, others }, target), TypeError, "of 24 classes and of 7");
});

Deno.test("annotate() refuses more images than its batch", async () => {
  const settings = await fixtureSettings();
  await using(await testDevice(), settings, async (annotator) => {
    const one = image(3, 3, 1);
    await assertRejects(() => annotator.annotate([one, one, one]), RangeError, "the batch is 2");
  });
});

Deno.test("lowerAnnotator() refuses more ranks than classes, and an image smaller than the network's windows", async () => {
  const settings = await fixtureSettings();
  const target = { profile: "software", storage: "f32" } as const;
  assertThrows(() => lowerAnnotator({ ...settings, k: 25 }, target), RangeError);
  const resnet = { ...settings, network: fixtureNetworks.resnet_basic };
  assertThrows(() => lowerAnnotator({ ...resnet, size: [0, 32] }, target), RangeError);
});
