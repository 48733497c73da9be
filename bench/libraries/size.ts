/**
 * Bytes per image on disk, everything counted: `deno task bench:size`. Fails if a type takes more than is promised.
 *
 * The 256 maps of `tests/fixtures/lite0/maps475.safetensors` (15 x 15, k = 5) are written as a folder with ImageNet's
 * keys, labels and class names, read back and compared, and then measured: part file, its columns, manifest. Beside the part
 * files, what parquet-wasm and apache-arrow make of the same rows, read back by them and compared.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { decodeFileMetadata } from "../../formats/columns/parquet/decode/footer.ts";
import { labelMapTypes, openLabelMapFolder, openLabelMaps } from "../../formats/labels/mod.ts";
import { imageNetClassNames } from "../../pipeline/model/class_names.ts";
import { fixtureMetadata, fixtureRows } from "../../tests/formats/labels/fixture.ts";
import { toArrow } from "../../arrow.ts";
import { formatTable } from "../table.ts";
import { tableWriters } from "./writers.ts";

/** One float32 tensor `[2, 5, 15, 15]` an image, in naver-ai/relabel_imagenet. */
const PUBLISHED = 9000;

/** What the project promises. */
const PROMISED = { fp32: 5000, fp16: 3400, fp8_e4m3: 2350, fp8_e5m2: 2200 };

const COLUMNS = ["dtype", "total", "promised", "class", "score", "others", "footer", "manifest", "of 9,000", "ms"];

const classes = await imageNetClassNames();
const table: (string | number)[][] = [COLUMNS, ["published", PUBLISHED]];
const libraries: (string | number)[][] = [["dtype", "relabel", ...tableWriters.map(({ name }) => name)]];
let exceeded = 0;
for (const dtype of labelMapTypes) {
  const path = Deno.makeTempDirSync();
  const rows = fixtureRows(dtype);
  const start = performance.now();
  const folder = openLabelMapFolder(
    path,
    { metadata: fixtureMetadata(dtype), rowsPerFile: 1024, images: rows.length },
    {
      classes,
      dataSetClasses: { name: classes.wnid! },
    },
  );
  const part = folder.startPart(0);
  for (const row of rows) part.append(row);
  part.finish();
  folder.close();
  const milliseconds = performance.now() - start;

  const labelMaps = await openLabelMaps(path);
  assertEquals(await Array.fromAsync(labelMaps.rows()), rows);
  labelMaps.close();

  const file = Deno.readFileSync(join(path, "part-00000.parquet"));
  const footer = file.length - 8 - new DataView(file.buffer).getUint32(file.length - 8, true);
  const { columns, groups } = decodeFileMetadata(file.subarray(footer, -8), footer);
  const bytesOf = (names: readonly string[]) =>
    groups.flatMap(({ chunks }) => chunks.filter((_, place) => names.includes(columns[place].name)))
      .reduce((sum, { compressedBytes }) => sum + compressedBytes, 0);
  const manifest = Deno.statSync(join(path, "manifest.json")).size;
  const [class_, score, others] = [
    ["class"],
    ["score"],
    ["key", "label", "width", "height", "top_class", "top_probability"],
  ].map(bytesOf);
  const total = file.length + manifest;
  const perImage = (bytes: number) => (bytes / rows.length).toFixed(1);
  table.push([
    dtype,
    perImage(total),
    PROMISED[dtype],
    ...[class_, score, others, file.length - class_ - score - others, manifest].map(perImage),
    `${(total / rows.length / PUBLISHED * 100).toFixed(1)} %`,
    milliseconds.toFixed(0),
  ]);
  if (total / rows.length > PROMISED[dtype]) exceeded++;
  libraries.push([dtype, perImage(file.length), ...await writeWithOthers(path, rows.length)]);
  Deno.removeSync(path, { recursive: true });
}
console.log(formatTable(table));
console.log(`\nOne part file, bytes per image\n${formatTable(libraries)}`);
if (exceeded > 0) Deno.exit(1);

/** Bytes per image that each other library takes for the rows of a folder, whose values it must give back. */
async function writeWithOthers(path: string, count: number): Promise<string[]> {
  const labelMaps = await openLabelMaps(path);
  const table = await toArrow(labelMaps);
  labelMaps.close();
  const expected = table.toArray().map(String);
  return tableWriters.map(({ write, read }) => {
    const bytes = write(table);
    assertEquals(read(bytes).toArray().map(String), expected);
    return (bytes.length / count).toFixed(1);
  });
}
