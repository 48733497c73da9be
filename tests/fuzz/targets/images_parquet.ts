/**
 * Images in Parquet: every row that is read has the image and the label that a second reader finds, or that the file had
 * before it was changed; every other row is refused with a reason.
 *
 * @module
 */

import { equal } from "@std/assert";
import { basename } from "@std/path";
import { openImages } from "../../../formats/images/mod.ts";
import { imageColumns, textColumn, writeParquet, type WrittenColumn } from "../../formats/images/parquet_writer.ts";
import { unclearness } from "../clear_error.ts";
import { promise, type Region, type Sample, type Target } from "../sample.ts";
import { footerOf, resizeFooter } from "./parquet.ts";
import { readImages, type ReadRow, type SecondReading } from "./images_parquet_reader.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const ROWS = 40;
const FIXTURE = new URL("../../fixtures/images/parquet/train-00000-of-00002.parquet", import.meta.url);

/** What the samples hold, by their names. */
const known = new Map<string, SecondReading>();

/** Parquet files of images with labels. */
export const imagesParquet: Target = {
  samples() {
    const samples = Object.entries(files()).map(([name, bytes]): Sample => ({
      name,
      bytes,
      regions: regionsOf(bytes),
      rewrites: [(random) => resizeFooter(bytes, random)],
    }));
    for (const { name, bytes } of samples) known.set(name, readImages(bytes));
    return samples;
  },
  async read(path) {
    const second = readAgain(path);
    const before = known.get(basename(path))!;
    const source = await openImages(path);
    const listed = await Array.fromAsync(source.list());
    const survey = await source.survey();
    promise(survey.images === listed.length, `its survey counts ${survey.images} of ${listed.length} images`);
    promise(survey.labelled === listed.filter(({ label }) => label !== null).length, "its survey counts other labels");
    if (second) promise(second.rows.length === listed.length, `it has ${listed.length} of ${second.rows.length} rows`);
    const rows: (ReadRow | null)[] = [];
    for await (const { index, label, bytes } of source.read()) {
      if ("unreadable" in bytes) {
        const wrong = unclearness(new TypeError(bytes.unreadable), path);
        promise(wrong === undefined, `the reason of row ${index} is not clear: ${wrong}: ${bytes.unreadable}`);
        rows.push(null);
        continue;
      }
      promise(bytes instanceof Uint8Array, `row ${index} is no bytes`);
      promise(
        label === listed[index].label,
        `row ${index} has label ${listed[index].label} in the list, else ${label}`,
      );
      const row = { bytes: bytes as Uint8Array, label };
      const expected = second?.rows[index] ?? before.rows[index];
      const what = second?.rows[index] ? "a second reading" : "the unchanged file";
      promise(expected !== undefined, `row ${index} is read, and is in neither reading`);
      promise(equal(new Uint8Array(expected.bytes ?? []), row.bytes), `row ${index} has another image than ${what}`);
      // Without a second reading the columns may have become others: no label then is one that is not taken.
      const isSame = expected.label === label || !second && label === null;
      promise(isSame, `row ${index} has label ${label}, and ${expected.label} in ${what}`);
      rows.push(row);
    }
    if (second) {
      const what = `its classes are ${source.classes}, in a second reading ${second.classes}`;
      promise(equal(source.classes, second.classes), what);
    }
    return { rows, classes: source.classes };
  },
};

function readAgain(path: string): SecondReading | undefined {
  try {
    return readImages(Deno.readFileSync(path));
  } catch {
    return undefined;
  }
}

function files(): Record<string, Bytes> {
  const numbers = Array.from({ length: ROWS }, (_, index) => index);
  const images = imageColumns(numbers.map((index) => index % 9 === 4 ? null : imageOf(index)));
  const plain = (name: string, type: WrittenColumn["type"], converted?: number): WrittenColumn => ({
    name,
    type,
    converted,
    values: numbers.map((index) => index % 7 === 5 ? null : index * 3 % 8),
  });
  const texts = textColumn("label", numbers.map((index) => index % 11 === 3 ? null : `class ${index * 5 % 12}`));
  const dictionaries = (columns: readonly WrittenColumn[]) =>
    columns.map((column) => ({ ...column, isDictionary: true }));
  const huggingface = JSON.stringify({
    info: { features: { image: { _type: "Image" }, label: { names: [..."abcdefgh"], _type: "ClassLabel" } } },
  });
  const some = { rowsPerGroup: 16, rowsPerPage: 6 };
  return {
    "plain.parquet": writeParquet([...images, plain("label", "int64")], { ...some, metadata: { huggingface } }),
    "second.parquet": writeParquet([...images, plain("Label", "int32", 13)], { ...some, version: 2 }),
    "dictionary.parquet": writeParquet(dictionaries([...images, plain("class", "int64", 14)]), some),
    "texts.parquet": writeParquet([...images, texts], some),
    "textual.parquet": writeParquet(dictionaries([...images, texts]), { ...some, version: 2, codec: "snappy" }),
    "checked.parquet": writeParquet(dictionaries([...images, texts]), { ...some, hasChecksums: true }),
    "snappy.parquet": writeParquet([...images, plain("label", "double")], { ...some, codec: "snappy" }),
    "gzip.parquet": writeParquet([...images, plain("target", "float")], { ...some, codec: "gzip", version: 2 }),
    "zstd.parquet": writeParquet([...images, plain("cls", "boolean")], { ...some, codec: "zstd" }),
    "pyarrow.parquet": Deno.readFileSync(FIXTURE),
  };
}

function imageOf(index: number): Uint8Array {
  return Uint8Array.from({ length: 20 + index % 13 }, (_, place) => place < 4 ? index : place * index & 255);
}

function regionsOf(bytes: Bytes): Region[] {
  const footer = footerOf(bytes);
  const pages = { name: "pages", start: 4, end: footer.start };
  return [footer, footer, { name: "footer length", start: footer.end, end: footer.end + 4 }, pages, pages];
}
