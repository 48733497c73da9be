/**
 * Lists of images: what is read is a list of keys with labels and places that can be, in order and as many as it says.
 *
 * @module
 */

import { openImageList } from "../../../formats/images/mod.ts";
import { createListFile, type ListIndex, type ListLine } from "../../../formats/images/image_list_file.ts";
import { mutateJson } from "../json_mutations.ts";
import { promise, type Sample, type Target } from "../sample.ts";

const IMAGES = 1200;
const SHARDS = ["a.tar", "b.tgz", "c.parquet"];

/** Lists of images, of files and of shards. */
export const imageList: Target = {
  samples() {
    const described = { path: "/data/train", description: "a data set", classes: ["cat", "dog"], images: IMAGES };
    const positions = Array.from({ length: IMAGES }, (_, position) => position);
    const files = positions.map((position) => ({ key: `cat/${position}.jpg`, label: position % 2 }));
    const members = positions.map((position) => memberOf(Math.floor(3 * position / IMAGES), position));
    const shards = SHARDS.map((name) => ({ path: `/data/${name}`, bytes: 10_000_000, images: IMAGES / 3 }));
    return [
      sampleOf("files.list", files, { ...described, root: "/data/train", shards: [] }),
      sampleOf("shards.list", members, { ...described, root: null, shards }),
    ];
  },
  async read(path) {
    const source = await openImageList(path);
    const images = await Array.fromAsync(source.list());
    promise(images.length === await source.count(), `it gives ${images.length} of ${await source.count()} images`);
    for (const [position, { index, key, label, path, place }] of images.entries()) {
      promise(index === position, `image ${position} has index ${index}`);
      promise(typeof key === "string" && typeof path === "string", `image ${position} has no key and path`);
      promise(label === null || Number.isInteger(label) && label >= 0, `image ${position} has label ${label}`);
      if (place === null || "unreadable" in place || place.range === undefined) continue;
      const { offset, length } = place.range;
      promise(offset >= 0 && length >= 0, `image ${position} is ${length} bytes at ${offset}`);
    }
    return { images, classes: source.classes, description: source.description, path: source.path };
  },
};

/** Of a plain tar with damage at its end, of a gzipped one, and of a Parquet file. */
function memberOf(shard: number, position: number): ListLine {
  const key = `${SHARDS[shard]}/${position}.jpg`;
  if (position === IMAGES / 3 - 1) {
    return { key: SHARDS[0], label: null, place: { unreadable: "Cannot read tar shard" } };
  }
  return { key, label: position % 2, place: shard === 0 ? { offset: 512 * position, length: 400 } : null };
}

function sampleOf(name: string, lines: readonly ListLine[], index: ListIndex): Sample {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/${name}`;
  const list = createListFile(path);
  for (const line of lines) list.append(line);
  list.finish(index);
  const bytes = Deno.readFileSync(path);
  Deno.removeSync(folder, { recursive: true });
  const text = new TextDecoder().decode(bytes);
  const [start, end] = [text.indexOf('{"path"'), text.lastIndexOf("relabel images 1")];
  return {
    name,
    bytes,
    regions: [
      { name: "index", start, end },
      { name: "end", start: end, end: bytes.length },
      { name: "first line", start: 0, end: text.indexOf("\n") + 1 },
      { name: "last line", start: text.lastIndexOf("\n", start - 2) + 1, end: start },
    ],
    rewrites: [(random) => {
      const { text: changed, what } = mutateJson(text.slice(start, end), random);
      return { bytes: new TextEncoder().encode(`${text.slice(0, start)}${changed}\n${text.slice(end)}`), what };
    }],
  };
}
