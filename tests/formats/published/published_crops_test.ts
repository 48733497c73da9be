import { assertEquals, assertThrows } from "@std/assert";
import { type CropLabels, readPublished } from "../../../formats/published/mod.ts";
import { zipFile } from "../weights/zip_file.ts";

const fixtures = new URL("./fixtures/", import.meta.url).pathname;

function read(name: string): CropLabels {
  const published = readPublished(name, Deno.readFileSync(fixtures + name));
  if (published.kind !== "crop_labels") throw new TypeError("expected crops");
  return published;
}

for (const name of ["marginal.tar", "marginal.stream.tar", "marginal.half.tar"]) {
  Deno.test(`readPublished() reads crops with several classes each: ${name}`, () => {
    const crops = read(name);
    assertEquals([crops.mode, crops.count, crops.k, crops.isHalf], ["marginal", 3, 3, name.includes("half")]);
    assertEquals([...crops.box.slice(4, 8)], [5 / 32, 6 / 32, 7 / 32, 8 / 32]);
    assertEquals([...crops.flip], [1, 0, 1]);
    assertEquals([...crops.class], [1, 2, 3, 999, 0, 500, 7, 8, 9]);
    assertEquals([...crops.probability], [0.5, 0.25, 0.125, 0.75, 0.125, 0.0625, 0.5, 0.375, 0.0625]);
  });
}

Deno.test("readPublished() reads crops with one class each, with and without its probability", () => {
  const [smoothing, hard] = ["smoothing.tar", "hard.tar"].map(read);
  assertEquals([smoothing.mode, hard.mode], ["smoothing", "hard"]);
  assertEquals([smoothing.class, hard.class], [Float32Array.of(1, 999, 7), Float32Array.of(1, 999, 7)]);
  assertEquals([smoothing.probability, hard.probability], [Float32Array.of(0.5, 0.75, 0.5), Float32Array.of(1, 1, 1)]);
});

Deno.test("readPublished() refuses a list of three whose entries are no arrays, or do not belong together", () => {
  const program = (text: string) => zipFile({ "a/data.pkl": Uint8Array.from(text, (sign) => sign.charCodeAt(0)) });
  assertThrows(
    () => readPublished("a.tar", program("](K\x01K\x02K\x03e.")),
    TypeError,
    'Cannot read "a.tar": its list holds something that is neither an array nor a tensor',
  );
  const type = (name: string, order: string) => `cnumpy\ndtype\nU\x02${name}\x85R(K\x03U\x01${order}NNNtb`;
  const empty = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R";
  const array = (count: number) =>
    `${empty}(K\x01K${String.fromCharCode(count)}\x85${type("u1", "|")}\x89C${String.fromCharCode(count)}${
      "\0".repeat(count)
    }tb`;
  assertThrows(
    () => readPublished("a.tar", program(`](${array(2)}${array(2)}${array(3)}e.`)),
    TypeError,
    'Cannot read "a.tar": its arrays are [2], [2], [3], expected [N, 4], [N] and [N], [N, 2] or [N, 2, k]',
  );
  const text = `${empty}(K\x01K\x01\x85${type("U1", "<")}\x89C\x04a\0\0\0tb`;
  assertThrows(
    () => readPublished("a.tar", program(`](${array(2)}${text}${array(3)}e.`)),
    TypeError,
    'Cannot read "a.tar": its list holds an array of "U1", which cannot be used',
  );
});
