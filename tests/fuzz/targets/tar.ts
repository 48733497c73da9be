/**
 * Images in tar shards: WebDataset's in the formats that archives come in, and class folders. What is read is what an
 * independent reading of the same bytes finds, image by image: key, label and content, in every range, by list, and of what
 * the other may not read, that it is listed as unreadable.
 *
 * @module
 */

import { gunzipSync, gzipSync } from "node:zlib";
import { basename, dirname, join } from "@std/path";
import {
  type ImageSource,
  openImageList,
  openImages,
  type StoredImage,
  writeImageList,
} from "../../../formats/images/mod.ts";
import { paxHeader, type TarFile, writeTar } from "../../formats/images/tar_writer.ts";
import type { Random } from "../random.ts";
import { promise, type Region, type Rewrite, type Sample, type Target } from "../sample.ts";
import { readStrictTar, type StrictImage, type StrictTar } from "../strict_tar.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const BLOCK = 512;

/** Tar shards. */
export const tar: Target = {
  samples: () =>
    Object.entries(archives()).flatMap(([name, files]) => {
      const bytes = writeTar(files);
      const plain: Sample = {
        name: `${name}.tar`,
        bytes,
        regions: regionsOf(bytes),
        rewrites: REWRITES.map((rewrite) => (random: Random) => rewrite(files, random)),
      };
      if (name !== "samples" && name !== "apart") return [plain];
      const rewrites = plain.rewrites.map((rewrite) => (random: Random) => {
        const { bytes, what } = rewrite(random);
        return { bytes: gzipped(bytes), what };
      });
      return [plain, { name: `${name}.tgz`, bytes: gzipped(bytes), regions: [], rewrites }];
    }),
  async read(path) {
    const bytes = Deno.readFileSync(path);
    const expected = unpacked(bytes);
    const source = await openImages(path);
    const images = await Array.fromAsync(source.read());
    await checkImages(path, source, images, expected);
    await checkRanges(path, images);
    return images.map(({ key, label, bytes }) => [key, label, "unreadable" in bytes || contentOf(bytes)]);
  },
};

/** What an independent reading finds; null where the bytes cannot even be unpacked. */
function unpacked(bytes: Bytes): StrictTar | null {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return readStrictTar(bytes, true);
  try {
    return readStrictTar(gunzipSync(bytes), false);
  } catch {
    return null;
  }
}

function gzipped(bytes: Bytes): Bytes {
  return Uint8Array.from(gzipSync(bytes));
}

function contentOf(bytes: StoredImage["bytes"]): string {
  if (bytes instanceof Uint8Array) return new TextDecoder("latin1").decode(bytes);
  if ("unreadable" in bytes) return bytes.unreadable;
  const { offset, length } = bytes.range!;
  return new TextDecoder("latin1").decode(Deno.readFileSync(bytes.path).subarray(offset, offset + length));
}

async function checkImages(
  path: string,
  source: ImageSource,
  images: readonly StoredImage[],
  expected: StrictTar | null,
): Promise<void> {
  const shard = basename(path);
  const last = images.at(-1);
  const isDamaged = last !== undefined && last.key === shard && "unreadable" in last.bytes;
  const survey = await source.survey();
  promise(survey.images === images.length, `it counts ${survey.images} images of ${images.length}`);
  const unlabelled = survey.unlabelled.reduce((sum, { count }) => sum + count, 0);
  promise(
    survey.labelled + unlabelled === images.length,
    `it counts ${survey.labelled} labels and ${unlabelled} without`,
  );
  promise(
    survey.labelled === images.filter(({ label }) => label !== null).length,
    `it counts ${survey.labelled} labels, and gives others`,
  );
  if (expected === null) return promise(isDamaged, "it cannot be unpacked, and no damage is listed");
  promise(isDamaged === expected.isDamaged, `damage is ${isDamaged ? "" : "not "}listed`);
  const found = isDamaged ? images.slice(0, -1) : images;
  promise(
    found.length === expected.images.length,
    `it has ${expected.images.length} images, and ${found.length} are given`,
  );
  for (const [place, image] of found.entries()) checkImage(shard, source.classes, image, expected.images[place]);
}

function checkImage(
  shard: string,
  classes: readonly string[] | null,
  { key, label, bytes }: StoredImage,
  expected: StrictImage,
): void {
  const name = JSON.stringify(key);
  promise(key === `${shard}/${expected.name}`, `${name} should be ${JSON.stringify(expected.name)}`);
  const found = label === null ? null : classes?.[label] ?? label;
  promise(found === expected.label, `the label of ${name} is ${found}, and should be ${expected.label}`);
  const content = expected.content && new TextDecoder("latin1").decode(expected.content);
  if (content === null) return promise("unreadable" in bytes, `${name} is given, and is not what its name says`);
  promise(contentOf(bytes) === content, `${name} has other bytes`);
}

/** The same from any position, by a list of places, and by a list on disk. */
async function checkRanges(path: string, images: readonly StoredImage[]): Promise<void> {
  const named = ({ index, key, label }: Pick<StoredImage, "index" | "key" | "label">) => `${index} ${key} ${label}`;
  const whole = images.map((image) => `${named(image)} ${contentOf(image.bytes)}`);
  const listFile = join(dirname(path), "images.list");
  await writeImageList(await openImages(path), listFile);
  for (const open of [() => openImages(path), () => openImageList(listFile)]) {
    const listed = await Array.fromAsync((await open()).list());
    promise(listed.map(named).join("\n") === images.map(named).join("\n"), "it is listed with other keys or labels");
    for (let start = 0; start <= images.length; start += 2) {
      const part = await Array.fromAsync((await open()).read({ start, end: start + 4 }));
      const texts = part.map((image) => `${named(image)} ${contentOf(image.bytes)}`);
      promise(texts.join("\n") === whole.slice(start, start + 4).join("\n"), `from ${start} on it reads otherwise`);
    }
  }
}

/** Members of archives of each kind. */
function archives(): Record<string, TarFile[]> {
  const image = (name: string): TarFile => ({ name, content: `image ${name}` });
  const label = (name: string, label: number | string): TarFile => ({ name, content: `${label}` });
  const long = "folder/".repeat(20);
  const gnu = (header: Uint8Array) => header.set(new TextEncoder().encode("ustar  \0"), 257);
  return {
    samples: [
      ...[image("0.jpg"), label("0.cls", 3), label("0.json", '{"label": 8, "cls": 8}')],
      ...[
        image("a.b.1.png"),
        label("a.b.1.cls", 1),
        image("a.b.2.png"),
        label("a.b.2.cls", 2),
        label("a.cls", 6),
        image("a.c.png"),
      ],
      ...[{ name: "._3.jpg", content: "junk" }, image("3.JPG"), label("3.CLS", "7\n"), image("4.jpg")],
    ],
    apart: [
      ...[image("x/0.jpg"), image("x/1.jpg"), image("x/0.jpg"), image("x/2.jpg"), label("x/1.json", '{"label": 5}')],
      ...[label("x/0.cls", 1), image("x/3.jpg"), label("x/3.cls", 4), label("x/2.cls", 2), image("x/4.jpg")],
    ],
    folders: [
      ...[image("./train/cat/0.jpg"), image("train/cat/1.jpg"), { name: "train/dog", type: "5" }],
      ...[image("train/dog/deep/2.jpg"), { name: "train/notes.txt", content: "text" }, image("train/eel/3.jpg")],
    ],
    links: [
      ...[image("a/0.jpg"), { name: "b/1.jpg", type: "1", target: "a/0.jpg" }],
      ...[{ name: "b/2.jpg", type: "2", target: "../a/0.jpg" }, { name: "b/3.jpg", type: "2", target: "2.jpg" }],
      ...[image("c/4.jpg"), { name: "c/5.jpg", type: "1", target: "c/4.jpg" }],
    ],
    pax: [
      ...[paxHeader({ comment: "a commit" }, "g"), paxHeader({ path: `${long}0.jpg`, size: "5" })],
      ...[{ name: "short", content: "hello" }, label("folder/1.cls", 2), paxHeader({ path: "folder/\u00e9.jpg" })],
      ...[image("short"), paxHeader({ path: "folder/\u00e9.cls", mtime: "1.5" }), label("short", 4)],
    ],
    gnu: [
      ...[{ name: "././@LongLink", type: "L", content: `${long}0.jpg\0`, change: gnu }, {
        ...image("short"),
        change: gnu,
      }],
      ...[{ ...image("cat/1.jpg"), change: gnu }, { name: "dog/2.jpg", type: "\0", content: "old" }],
      ...[{ name: "././@LongLink", type: "K", content: `${long}0.jpg\0`, change: gnu }],
      ...[{ name: "dog/3.jpg", type: "1", target: "short", change: gnu }, image("cat/4.jpg")],
    ],
  };
}

/** Headers and what follows them, as far as an archive is in order. */
function regionsOf(bytes: Bytes): Region[] {
  const regions: Region[] = [];
  for (let start = 0; start + BLOCK < bytes.length && bytes[start] !== 0;) {
    const size = parseInt(new TextDecoder().decode(bytes.subarray(start + 124, start + 135)), 8);
    const end = start + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    regions.push({ name: "header", start, end: start + BLOCK }, { name: "member", start, end });
    start = end;
  }
  return regions;
}

/** Changes that keep checksums right: what somebody does who knows the format, or a careless program. */
const REWRITES: readonly ((files: readonly TarFile[], random: Random) => Rewrite)[] = [
  (files, random) => {
    const [from, to] = [random.below(files.length), random.below(files.length)];
    const moved = files.toSpliced(from, 1).toSpliced(to, 0, files[from]);
    return { bytes: writeTar(moved), what: `member ${from} moved to ${to}` };
  },
  (files, random) => {
    const [from, to] = [random.below(files.length), random.below(files.length + 1)];
    return { bytes: writeTar(files.toSpliced(to, 0, files[from])), what: `member ${from} again at ${to}` };
  },
  (files, random) => {
    const place = random.below(files.length);
    return { bytes: writeTar(files.toSpliced(place, 1)), what: `member ${place} left out` };
  },
  (files, random) => {
    const [from, to] = [random.below(files.length), random.below(files.length)];
    const named = { ...files[to], name: files[from].name };
    return { bytes: writeTar(files.with(to, named)), what: `member ${to} called as ${from}` };
  },
  (files, random) => {
    const place = random.below(files.length);
    const content = random.one(CONTENTS);
    return {
      bytes: writeTar(files.with(place, { ...files[place], content })),
      what: `member ${place} holds ${content}`,
    };
  },
  (files, random) => {
    const place = random.below(files.length);
    const type = random.one([..."\x0001234567DLKMNSVXxgZ"]);
    return {
      bytes: writeTar(files.with(place, { ...files[place], type })),
      what: `member ${place} is of type ${type}`,
    };
  },
  (files, random) => {
    const place = random.below(files.length);
    const name = random.one(NAMES);
    return { bytes: writeTar(files.with(place, { ...files[place], name })), what: `member ${place} called ${name}` };
  },
  (files, random) => {
    const place = random.below(files.length);
    const target = random.one(["a/0.jpg", "/a/0.jpg", "../a/0.jpg", "b/3.jpg", ".", "c/4.jpg", "", "a//./0.jpg"]);
    const type = random.one(["1", "2"]);
    const link = { ...files[place], type, target };
    return { bytes: writeTar(files.with(place, link)), what: `member ${place} is a link to ${target}` };
  },
  (files, random) => {
    const place = random.below(files.length + 1);
    const records = { [random.one(["path", "size", "linkpath", "GNU.sparse.major", "mtime"])]: random.one(VALUES) };
    const header = paxHeader(records, random.one(["x", "x", "g"]));
    return {
      bytes: writeTar(files.toSpliced(place, 0, header)),
      what: `pax ${JSON.stringify(records)} before ${place}`,
    };
  },
  (files, random) => {
    const place = random.below(files.length);
    const [position, byte] = [random.below(BLOCK), random.below(256)];
    const { change } = files[place];
    const changed = (header: Uint8Array) => {
      change?.(header);
      header[position] = byte;
    };
    const bytes = writeTar(files.with(place, { ...files[place], change: changed }));
    return { bytes, what: `byte ${position} of header ${place} set to ${byte}, its checksum put right` };
  },
  (files, random) => {
    const place = random.below(files.length);
    const { change } = files[place];
    const size = random.one(SIZES);
    const changed = (header: Uint8Array) => {
      change?.(header);
      header.set(Uint8Array.from(size, (unit) => unit.charCodeAt(0)), 124);
    };
    const bytes = writeTar(files.with(place, { ...files[place], change: changed }));
    return { bytes, what: `size of member ${place} is ${JSON.stringify(size)}, its checksum put right` };
  },
];

const CONTENTS = [
  "",
  "9",
  "-1",
  "2147483647",
  "2147483648",
  "cat",
  "1.0",
  '{"label": 6}',
  '{"cls": 6, "label": 7}',
  "{",
  "x".repeat(600),
];
const NAMES = [
  "0.cls",
  "0.json",
  "0.jpg",
  "a.cls",
  "a.b.cls",
  "x/1.cls",
  "./0.jpg",
  "../0.jpg",
  ".0.jpg",
  "__MACOSX/0.jpg",
  "cat/",
  "caf\xe9.jpg",
  "no extension",
];
const VALUES = ["0.jpg", "a/0.jpg", "x/0.cls", "0", "1", "5", "512", "-1536", "1e3", "99999999999999999999", ""];
const SIZES = [
  "00000000000\0",
  "00000001000\0",
  "77777777777\0",
  "-0000000001\0",
  "           \0",
  "\x80\0\0\0\0\0\0\0\0\0\0\x05",
  "\xff".repeat(12),
  "0000000000 \0",
];
