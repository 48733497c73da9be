import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile, openLabelMaps } from "../../../formats/labels/mod.ts";
import { convertToTorch } from "../../../pipeline/convert/convert_to_torch.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";

/** Label maps with some keys and labels. */
function labelMaps(rows: readonly (readonly [key: string, label: number])[]): string {
  const metadata = smallMetadata();
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const writer = createLabelMapFile(path, metadata);
  for (const [index, [key, label]] of rows.entries()) writer.append({ ...smallRow(index, metadata), key, label });
  writer.finish();
  return path;
}

/** Converts, up to a row if one is given. */
async function convert(input: string, output: string, { stopAt }: { stopAt?: number } = {}) {
  const maps = await openLabelMaps(input);
  const stop = new AbortController();
  try {
    return await convertToTorch(maps, output, {
      layout: "hw",
      signal: stop.signal,
      onProgress: ({ done }) => done === stopAt && stop.abort(),
    });
  } finally {
    maps.close();
  }
}

function tree(path: string): Record<string, string> {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(path, name)).toBase64()]));
}

const ROWS: readonly (readonly [string, number])[] = Array.from({ length: 6 }, (_, index) => [`${index}.jpg`, index]);

Deno.test("convertToTorch() does not go on with other rows, and names the first", async () => {
  const refused = "Cannot go on with .pt files in";
  const cases: [string, readonly (readonly [string, number])[], string][] = [
    [
      "a row is replaced",
      ROWS.with(1, ["1b.jpg", 1]),
      'there is no file of row 1, "1b.jpg"',
    ],
    [
      "a row is deleted and another added",
      [...ROWS.slice(0, 2), ...ROWS.slice(3, 5), ["4b.jpg", 4], ROWS[5]],
      'there is no file of row 2, "3.jpg"',
    ],
    [
      "a label is another",
      ROWS.with(2, ["2.jpg", 7]),
      "a row that is done had another label, or its file another size",
    ],
  ];
  for (const [what, rows, difference] of cases) {
    const output = Deno.makeTempDirSync();
    assertEquals((await convert(labelMaps(ROWS), output, { stopAt: 3 })).stopped, true);
    const before = tree(output);
    const { message } = await assertRejects(() => convert(labelMaps(rows), output), TypeError);
    assertEquals(
      message,
      `${refused} "${output}": put the input back as it was or choose another folder, since ${difference}`,
      what,
    );
    assertEquals(tree(output), before);
  }
});

Deno.test("convertToTorch() goes on in a folder of an earlier version, which has no hash of its rows", async () => {
  const [output, whole, input] = [Deno.makeTempDirSync(), Deno.makeTempDirSync(), labelMaps(ROWS)];
  await convert(input, output, { stopAt: 3 });
  const note = join(output, "convert.json");
  const { images: _, pending, ...before } = JSON.parse(Deno.readTextFileSync(note));
  assertEquals(pending, ["3.pt", "4.pt", "5.pt"]);
  Deno.writeTextFileSync(note, JSON.stringify(before));
  Deno.writeTextFileSync(join(output, "3.pt"), "cut");
  assertEquals((await convert(input, output)).done, 6);
  await convert(input, whole);
  assertEquals(tree(output), tree(whole));
});

Deno.test("convertToTorch() writes again what a power cut left of files beyond its note", async () => {
  const input = labelMaps(ROWS);
  const whole = Deno.makeTempDirSync();
  await convert(input, whole);
  const states: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    "a name without content": () => new Uint8Array(),
    "the beginning": (bytes) => bytes.subarray(0, 100),
    "zeros": (bytes) => new Uint8Array(bytes.length),
    "zeros from somewhere on": (bytes) => bytes.slice().fill(0, 300),
    "all": (bytes) => bytes,
  };
  for (const [what, left] of Object.entries(states)) {
    const output = Deno.makeTempDirSync();
    await convert(input, output, { stopAt: 3 });
    for (const name of ["3.pt", "4.pt"]) {
      Deno.writeFileSync(join(output, name), left(Deno.readFileSync(join(whole, name))));
    }
    await convert(input, output);
    assertEquals(tree(output), tree(whole), what);
  }
});

Deno.test("convertToTorch() leaves no file of rows that were not done and are others now", async () => {
  const [output, whole] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  await convert(labelMaps(ROWS), output, { stopAt: 0 });
  for (const name of ["0.pt", "4.pt"]) Deno.writeTextFileSync(join(output, name), "cut");
  const other = labelMaps([...ROWS.slice(0, 4), ["4b.jpg", 4], ROWS[5]]);
  await convert(other, output);
  await convert(other, whole);
  assertEquals(tree(output), tree(whole));
});

Deno.test("convertToTorch() refuses two images that would be one file however often it is asked", async () => {
  const output = Deno.makeTempDirSync();
  const twice = labelMaps([...ROWS.slice(0, 5), ["1.png", 5]]);
  await convert(twice, output, { stopAt: 3 });
  const before = Deno.readFileSync(join(output, "1.pt"));
  for (let time = 0; time < 3; time++) {
    await assertRejects(() => convert(twice, output), Deno.errors.AlreadyExists, '"1.png" would be');
    assertEquals(Deno.readFileSync(join(output, "1.pt")), before);
  }
});

Deno.test("convertToTorch() refuses a note that counts more rows than there are", async () => {
  const [output, input] = [Deno.makeTempDirSync(), labelMaps(ROWS)];
  await convert(input, output, { stopAt: 3 });
  const note = join(output, "convert.json");
  Deno.writeTextFileSync(note, Deno.readTextFileSync(note).replace('"done": 3', '"done": 7'));
  await assertRejects(() => convert(input, output), TypeError, "convert.json says that 7 of 6 rows are done");
});
