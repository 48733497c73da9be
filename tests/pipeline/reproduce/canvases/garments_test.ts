import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { FASHION_FOLDER, garmentClasses, readGarments } from "../../../../pipeline/reproduce/canvases/garments.ts";
import { idxFile } from "../../../formats/images/idx_writer.ts";
import { writeFashion } from "./small_fashion.ts";

Deno.test("readGarments() reads the four files, gzipped or not, and numbers classes as their folders are", async () => {
  for (const isPacked of [true, false]) {
    const { train, test } = await readGarments(writeFashion({ train: 20, test: 10 }, isPacked));
    assertEquals([train.values.length, test.values.length], [20 * 784, 10 * 784]);
    const names = Array.from(test.classes, (index) => garmentClasses[index]);
    assertEquals(names, [
      "tshirt_top",
      "trouser",
      "pullover",
      "dress",
      "coat",
      "sandal",
      "shirt",
      "sneaker",
      "bag",
      "ankle_boot",
    ]);
    assertEquals([...train.classes], [...test.classes, ...test.classes]);
  }
});

Deno.test("readGarments() says which file is not there or not what it should be", async () => {
  const folder = writeFashion({ train: 20, test: 10 }, false);
  const write = (name: string, shape: number[], values = new Uint8Array(shape.reduce((a, b) => a * b, 1))) =>
    Deno.writeFileSync(join(folder, name), idxFile(shape, values));
  const refuses = (message: string) => assertRejects(() => readGarments(folder), Error, message);
  write("t10k-labels-idx1-ubyte", [9]);
  await refuses("it has 9 labels for 10 images");
  write("t10k-labels-idx1-ubyte", [10], new Uint8Array(10).fill(10, 3));
  await refuses("label 3 is 10, not 0 to 9");
  write("t10k-labels-idx1-ubyte", [10]);
  await refuses("it has no trouser, pullover,");
  write("train-images-idx3-ubyte", [20, 32, 32]);
  await refuses("its images are 32 x 32, not 28 x 28");
  Deno.removeSync(join(folder, "train-images-idx3-ubyte"));
  await refuses(`Cannot read Fashion-MNIST from "${folder}": there is no train-images-idx3-ubyte.gz`);
});

const isInstalled = await Deno.stat(FASHION_FOLDER).then(() => true, () => false);

Deno.test({
  name: `readGarments() reads Debian's package${
    isInstalled ? "" : ": ignored, dataset-fashion-mnist is not installed"
  }`,
  ignore: !isInstalled,
  async fn() {
    const { train, test } = await readGarments(FASHION_FOLDER);
    assertEquals([train.classes.length, test.classes.length], [60_000, 10_000]);
    const counts = garmentClasses.map((_, index) => test.classes.filter((other) => other === index).length);
    assertEquals(counts, Array(10).fill(1000));
  },
});
