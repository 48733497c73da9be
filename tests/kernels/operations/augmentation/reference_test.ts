import { assert, assertEquals } from "@std/assert";
import type { Pair } from "../../../../kernels/operations/shared/window.ts";
import type { ImageOperation } from "../../../../kernels/operations/augmentation/image_operation.ts";
import {
  type RandAugmentName,
  randAugmentOperation,
} from "../../../../kernels/operations/augmentation/rand_augment.ts";
import { atOnce } from "../../../../formats/base/event_loop.ts";
import { boxMuller, randomWord } from "../../../../formats/base/random.ts";
import { cutOut, reductionFactors } from "../../../../kernels/operations/augmentation/reduce.ts";
import {
  cropReference,
  normaliseReference,
  operateReference,
} from "../../../../kernels/operations/augmentation/reference.ts";
import { readPhoto } from "../resize/fixtures.ts";
import { readTorchvision } from "./fixture.ts";

const SIZE: Pair = [20, 24];

/** Levels may differ by one, in one of a hundred places, where the last bit of a float decides. */
function assertLevels(actual: Uint8Array, expected: Uint8Array, name: string): void {
  assertEquals(actual.length, expected.length, name);
  const places = actual.filter((value, index) => value !== expected[index]).length;
  assertEquals(places, 0, `${name} differs in ${places} of ${expected.length} places`);
}

Deno.test("cropReference() gives torchvision's resized_crop() of a photograph", async () => {
  const photo = await readPhoto();
  const { images, boxes } = await readTorchvision();
  for (const [name, [top, left, height, width]] of Object.entries(boxes)) {
    for (const interpolation of ["bilinear", "bicubic"] as const) {
      const part = { box: { top, left, height, width }, flip: false };
      // The part that is reduced more than fourfold is averaged before.
      const actual = cropReference(photo, part, { size: SIZE, interpolation });
      const expected = images[`crop.${name}.${interpolation}`];
      if (name === "enlarged") assertLevels(actual, expected, `${name} ${interpolation}`);
      else {
        const squares = actual.reduce((sum, value, index) => sum + (value - expected[index]) ** 2, 0);
        const root = Math.sqrt(squares / actual.length);
        assert(root < 0.7, `${name} ${interpolation} differs by ${root}`);
      }
      const mirrored = cropReference(photo, { ...part, flip: true }, { size: SIZE, interpolation });
      assertEquals(
        [...mirrored],
        Array.from(actual, (_, index) => {
          const [x, y] = [Math.floor(index / 3) % SIZE[1], Math.floor(index / 3 / SIZE[1])];
          return actual[(y * SIZE[1] + SIZE[1] - 1 - x) * 3 + index % 3];
        }),
      );
    }
  }
});

Deno.test("operateReference() gives torchvision's brightness, contrast and saturation", async () => {
  const { images } = await readTorchvision();
  for (const type of ["brightness", "contrast", "saturation"] as const) {
    for (const factor of [0, 0.3, 1.7]) {
      const name = `${type}.${factor}`;
      assertLevels(operateReference(images.image, SIZE, { type, factor }), images[name], name);
    }
  }
});

/** Torchvision's names of RandAugment. */
const NAMES: Readonly<Record<string, RandAugmentName>> = {
  Identity: "identity",
  ShearX: "shearX",
  ShearY: "shearY",
  TranslateX: "translateX",
  TranslateY: "translateY",
  Rotate: "rotate",
  Brightness: "brightness",
  Color: "saturation",
  Contrast: "contrast",
  Sharpness: "sharpness",
  Posterize: "posterize",
  Solarize: "solarize",
  AutoContrast: "autoContrast",
  Equalize: "equalize",
};

Deno.test("randAugmentOperation() and operateReference() give torchvision's images of all fourteen operations", async () => {
  const { images } = await readTorchvision();
  const seen = new Set<string>();
  for (const [name, expected] of Object.entries(images)) {
    const [group, operation, magnitude] = name.split(".");
    if (group !== "randAugment" || operation === "narrow") continue;
    seen.add(operation);
    const options = { magnitude: Math.abs(Number(magnitude)), negative: magnitude.startsWith("-"), size: SIZE };
    const actual = randAugmentOperation(NAMES[operation], options).reduce<Uint8Array>(
      (pixels, one) => operateReference(pixels, SIZE, one),
      images.image,
    );
    assertLevels(actual, expected, name);
  }
  assertEquals([...seen].sort(), Object.keys(NAMES).sort());
  for (const type of ["autoContrast", "equalize"] as const) {
    const name = type === "equalize" ? "Equalize" : "AutoContrast";
    assertLevels(
      operateReference(images.narrow, SIZE, { type }),
      images[`randAugment.narrow.${name}`],
      `narrow ${name}`,
    );
  }
});

Deno.test("randAugmentOperation() and operateReference() give torchvision's bits at every strength, and of colours at any factor", async () => {
  const { versions: _, ...hashes }: Record<string, string> = JSON.parse(
    await Deno.readTextFile(new URL("fixtures/operations.json", import.meta.url)),
  );
  const size = [37, 41] as const;
  const pictures = [
    (x: number, y: number, c: number) => (x * 37 + y * 101 + c * 59 + x * y * 11) % 256,
    (x: number, y: number, c: number) => Math.min(y * 3 + x * 2 + c * 20, 255),
  ].map((value) =>
    Uint8Array.from(
      { length: size[0] * size[1] * 3 },
      (_, index) => value(Math.floor(index / 3) % size[1], Math.floor(index / 3 / size[1]), index % 3),
    )
  );
  /** Every strength of an operation in both directions, where it has strengths and directions; or factors from 0 to 2. */
  const variants = (name: string): ImageOperation[][] => {
    if (!(name in NAMES)) {
      return Array.from({ length: 41 }, (_, step) => [{ type: name as "contrast", factor: step / 20 }]);
    }
    const operation = NAMES[name];
    const magnitudes = ["identity", "autoContrast", "equalize"].includes(operation) ? [0] : [...Array(31).keys()];
    const directions = magnitudes.length === 1 || ["posterize", "solarize"].includes(operation)
      ? [false]
      : [false, true];
    return magnitudes.flatMap((magnitude) =>
      directions.map((negative) => randAugmentOperation(operation, { magnitude, negative, size }))
    );
  };
  for (const [key, expected] of Object.entries(hashes)) {
    const [name, picture] = key.split(" ");
    const results = variants(name).map((operations) =>
      operations.reduce<Uint8Array>((pixels, one) => operateReference(pixels, size, one), pictures[Number(picture)])
    );
    const bytes = await new Blob(results as Uint8Array<ArrayBuffer>[]).bytes();
    assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(), expected, key);
  }
  assertEquals(Object.keys(hashes).length, 36);
});

Deno.test("operateReference() leaves an image of one colour as it is when it stretches or ranks values", () => {
  const pixels = new Uint8Array(3 * 5 * 4).fill(77);
  for (const type of ["autoContrast", "equalize", "sharpness"] as const) {
    const operation: ImageOperation = type === "sharpness" ? { type, factor: 1.5 } : { type };
    assertEquals(operateReference(pixels, [4, 5], operation), pixels);
  }
});

Deno.test("normaliseReference() adds lighting before it divides, and erases with zeros or normal noise", () => {
  const size: Pair = [40, 50];
  const pixels = new Uint8Array(40 * 50 * 3).fill(51);
  const settings = { size, mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 0.2] };
  const lit = normaliseReference(pixels, { lighting: [0.1, 0, -0.1] }, settings);
  assertEquals([...lit.slice(0, 3)].map((value) => Math.round(value * 1e9) / 1e9), [0.4, 0, -1]);
  const erasing = { top: 10, left: 5, height: 20, width: 30, key: [3, 4] as const };
  const values = { zero: 0, random: 0 };
  for (const value of ["zero", "random"] as const) {
    const erased = normaliseReference(pixels, { lighting: [0, 0, 0], erasing }, {
      ...settings,
      erasing: { probability: 1, scale: [0.1, 0.2], ratio: [1, 1], value },
    });
    const changed = [...erased].map((value, index) => ({ value, index })).filter(({ index }) => {
      const [x, y] = [Math.floor(index / 3) % 50, Math.floor(index / 150)];
      return x >= 5 && x < 35 && y >= 10 && y < 30;
    });
    assertEquals(changed.length, 1800);
    values[value] = changed.reduce((sum, { value }) => sum + value ** 2, 0) / 1800;
    const mean = changed.reduce((sum, { value }) => sum + value, 0) / 1800;
    assert(Math.abs(mean) < 4 / Math.sqrt(1800), `mean ${mean}`);
    assertEquals(Math.round(erased[2] * 1e9) / 1e9, -0.5);
  }
  assertEquals(values.zero, 0);
  assert(Math.abs(values.random - 1) < 4 * Math.sqrt(2 / 1800), `variance ${values.random}`);
});

Deno.test("randomWord() and boxMuller() give numbers without order", () => {
  const count = 20000;
  const numbers = Array.from({ length: count }, (_, index) => randomWord([1, 2], index) / 2 ** 32 - 0.5);
  const normal = Array.from(
    { length: count },
    (_, index) => boxMuller(randomWord([5, 2], 2 * index), randomWord([5, 2], 2 * index + 1)),
  );
  const moment = (values: number[], power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
  const product = (values: number[], lag: number) =>
    values.reduce((sum, value, index) => sum + value * values[(index + lag) % count], 0) / count;
  const near = (actual: number, expected: number, deviation: number) =>
    assert(Math.abs(actual - expected) < 4.5 * deviation / Math.sqrt(count), `${actual}, expected ${expected}`);
  near(moment(numbers, 1), 0, Math.sqrt(1 / 12));
  near(moment(numbers, 2), 1 / 12, Math.sqrt(1 / 180));
  near(moment(normal, 1), 0, 1);
  near(moment(normal, 2), 1, Math.sqrt(2));
  near(moment(normal, 4), 3, Math.sqrt(96));
  for (const lag of [1, 2, 3, 64]) {
    near(product(numbers, lag), 0, 1 / 12);
    near(product(normal, lag), 0, 1);
  }
});

Deno.test("reductionFactors() leave parts up to four times the result and within their share", () => {
  assertEquals(reductionFactors({ height: 128, width: 128 }, [32, 32], Infinity), [1, 1]);
  assertEquals(reductionFactors({ height: 129, width: 400 }, [32, 32], Infinity), [2, 4]);
  for (const [height, width, share] of [[1000, 1, 30], [37, 41, 3], [500, 375, 9000], [1, 7, 5]]) {
    const [down, across] = reductionFactors({ height, width }, [32, 32], share);
    const bytes = (down: number, across: number) => Math.ceil(height / down) * Math.ceil(width / across) * 3;
    assert(bytes(down, across) <= share);
    // No smaller factor of either axis would do.
    if (down > 1) assert(bytes(down - 1, across) > share || Math.ceil(height / (down - 1)) > 128);
  }
});

Deno.test("cutOut() takes means of whole blocks and of what is left at the edges", () => {
  const image = { width: 7, pixels: Uint8Array.from({ length: 7 * 5 * 3 }, (_, index) => index * 2) };
  const box = { top: 1, left: 2, height: 3, width: 5 };
  const at = (y: number, x: number, colour: number) => image.pixels[((1 + y) * 7 + 2 + x) * 3 + colour];
  const result = new Uint8Array(2 * 3 * 3);
  atOnce(cutOut(image, box, [2, 2], result));
  const mean = (...values: number[]) => Math.round(values.reduce((sum, value) => sum + value) / values.length);
  assertEquals(result[0], mean(at(0, 0, 0), at(0, 1, 0), at(1, 0, 0), at(1, 1, 0)));
  assertEquals(result[8], mean(at(0, 4, 2), at(1, 4, 2)));
  assertEquals(result[10], mean(at(2, 0, 1), at(2, 1, 1)));
  assertEquals(result[17], at(2, 4, 2));
});
