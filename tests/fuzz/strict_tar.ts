/**
 * What a tar archive holds and which label each of its images has, read anew from the formats' descriptions, to compare with:
 * POSIX.1-2017 ("ustar Interchange Format", "pax Interchange Format"), GNU tar's manual, and WebDataset's rule that names
 * which agree up to the first dot are a sample. It shares nothing with `formats/`, holds all of a file in memory, and
 * searches where the other keeps tables.
 *
 * @module
 */

/** A file or link of an archive. */
interface Entry {
  readonly type: string;
  readonly name: string;
  readonly target: string;
  readonly content: Uint8Array;
  readonly sparse: boolean;
}

/** An image, and what it must be read as. */
export interface StrictImage {
  readonly name: string;
  /** A number, or the name of its class. */
  readonly label: number | string | null;
  /** Its bytes; null if it may not be read: its name is not its own, or it is no whole file. */
  readonly content: Uint8Array | null;
}

/** An archive. */
export interface StrictTar {
  readonly images: readonly StrictImage[];
  readonly classes: readonly string[] | null;
  /** Whether it ends with an error. */
  readonly isDamaged: boolean;
}

/**
 * Reads an archive.
 *
 * @param bytes All of it, not gzipped.
 * @param followsLinks Whether links are to be read.
 * @returns Its images in order.
 */
export function readStrictTar(bytes: Uint8Array, followsLinks: boolean): StrictTar {
  const { entries, isDamaged } = parse(bytes);
  const counted = entries.filter(({ name }) => !isJunk(name));
  const isImage = ({ type, name }: Entry) => "0\x0071S2".includes(type) && IMAGE.test(name);
  const places = counted.filter(isImage);
  const readable = places.map((entry, place) => {
    if (places.findIndex(({ name }) => name === entry.name) < place || entry.sparse) return null;
    return contentOf(entry, entries, followsLinks);
  });
  const { labels, isWebDataset } = sampleLabels(counted, places, readable, entries, followsLinks);
  const folders = places.map(({ name }, place) => readable[place] === null ? null : folderParts(name));
  const { classes, label } = isWebDataset ? { classes: null, label: () => null } : folderClasses(folders);
  const images = places.map(({ name }, place) => ({
    name,
    content: readable[place],
    label: readable[place] === null ? null : classes === null ? labels[place] : label(folders[place]),
  }));
  return { images, classes, isDamaged };
}

const IMAGE =
  /\.(jpe?g|jpe|jfif|jif|pjpe?g|pjp|a?png|webp|gif|bmp|dib|tiff?|p[npgbf]m|avifs?|hei[cf]|hif|jp2|j2k|jxl)$/i;
const SYSTEM = ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

function isJunk(name: string): boolean {
  return name.split("/").some((part, index, parts) =>
    part.startsWith(".") && part !== "." && part !== ".." || SYSTEM.includes(part) && index < parts.length - 1
  );
}

function parse(bytes: Uint8Array): { entries: Entry[]; isDamaged: boolean } {
  const entries: Entry[] = [];
  const everywhere = new Map<string, Uint8Array>();
  let own = new Map<string, Uint8Array>();
  let [longName, longTarget]: (string | null)[] = [null, null];
  for (let offset = 0; offset < bytes.length;) {
    const block = bytes.subarray(offset, offset + 512);
    if (block.length < 512) return { entries, isDamaged: true };
    if (block.every((byte) => byte === 0)) return { entries, isDamaged: false };
    if (!hasChecksum(block)) return { entries, isDamaged: true };
    const type = String.fromCharCode(block[156]);
    const isExtension = "gxXLK".includes(type);
    const records = new Map([...everywhere, ...own]);
    const text = (key: string) => records.get(key)?.length ? nameOf(records.get(key)!) : undefined;
    let size = "123456".includes(type) ? 0 : number(block.subarray(124, 136));
    if (!isExtension && !"123456".includes(type) && text("size") !== undefined) {
      size = /^[0-9]+$/.test(text("size")!) ? Number(text("size")) : NaN;
    }
    if (!Number.isSafeInteger(size) || isExtension && size > 1_048_576) return { entries, isDamaged: true };
    let start = offset + 512;
    if (type === "S") {
      for (let more = block[482]; more !== 0; start += 512) {
        if (start + 512 > bytes.length) return { entries, isDamaged: true };
        more = bytes[start + 504];
      }
    }
    const end = start + Math.ceil(size / 512) * 512;
    if (end > bytes.length) return { entries, isDamaged: true };
    const content = bytes.subarray(start, start + size);
    offset = end;
    if (type === "L") longName = nameOf(cString(content));
    else if (type === "K") longTarget = nameOf(cString(content));
    else if (isExtension) {
      const found = paxRecords(content);
      if (!found) return { entries, isDamaged: true };
      if (type === "g") found.forEach((value, key) => everywhere.set(key, value));
      else own = found;
    } else {
      const isMapped = [...records].some(([key, value]) => key.startsWith("GNU.sparse.") && value.length > 0);
      const sparse = type === "S" || isMapped && "0\x007".includes(type);
      const full = text("path") ?? longName ?? headerName(block);
      const name = withoutRoot(text("GNU.sparse.name") ?? full);
      const target = text("linkpath") ?? longTarget ?? nameOf(cString(block.subarray(157, 257)));
      if (Math.max(name.length, target.length) > 32_768) return { entries, isDamaged: true };
      if (type !== "5" && type !== "D" && name !== "" && !name.endsWith("/")) {
        entries.push({ type, name, target, content, sparse });
      }
      [longName, longTarget, own] = [null, null, new Map()];
    }
  }
  return { entries, isDamaged: false };
}

function withoutRoot(name: string): string {
  let rest = name;
  while (rest.startsWith("/") || rest.startsWith("./")) rest = rest.slice(rest.indexOf("/") + 1);
  return rest;
}

function hasChecksum(block: Uint8Array): boolean {
  const stated = number(block.subarray(148, 156));
  const rest = [...block.subarray(0, 148), ...block.subarray(156)];
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 8 * 32);
  return stated === sum(rest) || stated === sum(rest.map((byte) => byte > 127 ? byte - 256 : byte));
}

/** Octal digits between spaces, ended by a zero byte or the field; or big-endian, without sign, behind a first bit of 1. */
function number(field: Uint8Array): number {
  if (field[0] >= 0x80) {
    return field[0] >= 0xc0 ? NaN : Number([...field].reduce((all, byte, index) => {
      return all * 256n + BigInt(index === 0 ? byte - 128 : byte);
    }, 0n));
  }
  const found = /^ *([0-7]*) *$/.exec(String.fromCharCode(...cString(field)));
  return found ? Number(`0o0${found[1]}`) : NaN;
}

/** Null if a record is not as it should be. */
function paxRecords(content: Uint8Array): Map<string, Uint8Array> | null {
  const records = new Map<string, Uint8Array>();
  for (let rest = content; rest.length > 0 && rest[0] !== 0;) {
    const space = rest.indexOf(32);
    const digits = space < 0 ? "" : String.fromCharCode(...rest.subarray(0, space));
    const length = /^[0-9]{1,7}$/.test(digits) ? Number(digits) : 0;
    const equals = rest.indexOf(61);
    if (equals <= space + 1 || length <= equals + 1 || length > rest.length || rest[length - 1] !== 10) return null;
    const key = String.fromCharCode(...rest.subarray(space + 1, equals));
    records.set(key, rest.subarray(equals + 1, length - 1));
    rest = rest.subarray(length);
  }
  return records;
}

function cString(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** As UTF-8, or with each byte beyond ASCII spelled out. */
function nameOf(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const again = new TextEncoder().encode(text);
  if (again.length === bytes.length && again.every((byte, index) => byte === bytes[index])) return text;
  return Array.from(bytes, (byte) => byte < 128 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`).join("");
}

function headerName(block: Uint8Array): string {
  const isUstar = String.fromCharCode(...block.subarray(257, 263)) === "ustar\0";
  const prefix = isUstar ? [...cString(block.subarray(345, 500))] : [];
  return nameOf(Uint8Array.from([...prefix, ...(prefix.length > 0 ? [47] : []), ...cString(block.subarray(0, 100))]));
}

/** A path from the root, null if it leads out of it. */
function resolved(path: string): string | null {
  const parts: string[] = [];
  for (const part of path.split("/").filter((part) => part !== "" && part !== ".")) {
    if (part !== "..") parts.push(part);
    else if (parts.length === 0) return null;
    else parts.pop();
  }
  return parts.join("/");
}

/** The content of a file, or of what a link leads to; null if that is no file, or not one alone. */
function contentOf(entry: Entry, entries: readonly Entry[], followsLinks: boolean): Uint8Array | null {
  let found = entry;
  for (let steps = 0; "12".includes(found.type); steps++) {
    if (!followsLinks || steps > 39) return null;
    const { type, name, target } = found;
    if (type === "2" && target.startsWith("/")) return null;
    const path = resolved(type === "1" ? target : `${name}/../${target}`);
    const named = path === null ? [] : entries.filter(({ name }) => resolved(name) === path);
    if (named.length !== 1) return null;
    found = named[0];
  }
  return "0\x007".includes(found.type) && !found.sparse ? found.content : null;
}

/** A label: what its member is called without `.cls` or `.json`, which of them it is, and its number, null if it is none. */
interface Label {
  readonly stem: string;
  readonly isJson: boolean;
  readonly value: number | null;
}

function labelsIn(entry: Entry, entries: readonly Entry[], followsLinks: boolean): Label[] {
  const found = /^(.*)\.(cls|json)$/is.exec(entry.name);
  if (!found || entry.sparse || !"0\x00712".includes(entry.type)) return [];
  const [, stem, extension] = found;
  const isJson = extension.toLowerCase() === "json";
  const content = contentOf(entry, entries, followsLinks);
  if (content === null || content.length > (isJson ? 1_048_576 : 1024)) return [{ stem, isJson, value: null }];
  const text = new TextDecoder().decode(content).trim();
  if (!isJson) return [{ stem, isJson, value: /^[0-9]+$/.test(text) ? int32(Number(text)) : null }];
  try {
    const object = JSON.parse(text);
    const stated = [object?.label, object?.cls].filter((one) => one !== undefined && one !== null);
    const numbers = stated.filter((one) => typeof one === "number");
    if (stated.length === 0) return [];
    const value = numbers.every((one) => one === numbers[0]) ? int32(numbers[0]) : null;
    return [{ stem, isJson, value }];
  } catch {
    return [{ stem, isJson, value: null }];
  }
}

function int32(value: number | undefined): number | null {
  return Number.isInteger(value) && value! >= 0 && value! < 2 ** 31 ? value! : null;
}

/** Everything before the first dot of the last part. */
function keyOf(name: string): string {
  return /^(.*\/)?[^./]*/s.exec(name)![0];
}

/** Labels beside images first, then those that are left of samples that have none beside them. */
function sampleLabels(
  counted: readonly Entry[],
  places: readonly Entry[],
  readable: readonly (Uint8Array | null)[],
  entries: readonly Entry[],
  followsLinks: boolean,
) {
  const runs: { key: string; places: number[]; labels: Label[] }[] = [];
  for (const entry of counted) {
    const place = places.indexOf(entry);
    const labels = place < 0 ? labelsIn(entry, entries, followsLinks) : [];
    if (place < 0 && labels.length === 0) continue;
    if (runs.at(-1)?.key !== keyOf(entry.name)) runs.push({ key: keyOf(entry.name), places: [], labels: [] });
    const run = runs.at(-1)!;
    if (place >= 0) run.places.push(place);
    run.labels.push(...labels);
  }
  const apart = runs.filter(({ places }) => places.length === 0).flatMap(({ labels }) => labels);
  const labels: (number | null)[] = places.map(() => null);
  let isWebDataset = false;
  for (const run of runs) {
    for (const place of run.places.filter((place) => readable[place] !== null)) {
      const found = best(places[place].name, run.labels) ?? best(places[place].name, apart);
      labels[place] = found?.value ?? null;
      if (found && (!found.isJson || found.value !== null)) isWebDataset = true;
    }
  }
  return { labels, isWebDataset };
}

/** Of the labels whose names an image's name goes on from, those with the longest; `.cls` before `.json`. */
function best(name: string, labels: readonly Label[]): { value: number | null; isJson: boolean } | undefined {
  const base = name.lastIndexOf("/") + 1;
  const fitting = labels.filter(({ stem }) => stem.length >= base && name.startsWith(`${stem}.`));
  const longest = fitting.filter(({ stem }) => fitting.every((other) => other.stem.length <= stem.length));
  const isJson = longest.every(({ isJson }) => isJson);
  const values = longest.filter((label) => label.isJson === isJson).map(({ value }) => value);
  if (values.length === 0) return undefined;
  return { isJson, value: values.every((value) => value === values[0]) ? values[0] : null };
}

/** Folders that hold an image; null for a path with `..`. */
function folderParts(name: string): string[] | null {
  const parts = name.split("/").slice(0, -1).filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? null : parts;
}

/** The class of each folder: the first that is not the same for all. */
function folderClasses(folders: readonly (string[] | null)[]) {
  const all = folders.filter((parts) => parts !== null);
  let depth = 0;
  while (all.length > 0 && all.every((parts) => parts.length > depth && parts[depth] === all[0][depth])) depth++;
  const areOne = all.every((parts) => parts.length === all[0].length && parts.length === depth);
  if (areOne && depth > 0) depth--;
  const classes = new Set(all.filter((parts) => parts.length > depth).map((parts) => parts[depth]));
  return {
    classes: classes.size > 0 ? [...classes] : null,
    label: (parts: string[] | null) => parts?.[depth] ?? null,
  };
}
