/**
 * What one pass over a shard's headers and labels finds: how many images it has, which label each has or why none, and what
 * is passed over. Labels are given by position, so that reading from anywhere gives the same.
 *
 * Memory does not grow with what a shard claims: four bytes per image, a number for each name, and names only of folders and
 * of what waits for its label or image.
 *
 * @module
 */

import { type ByteStream, openByteStream } from "./byte_stream.ts";
import { isImageName, isSystemFolder } from "./image_names.ts";
import { readPart } from "./image_file.ts";
import type { FilePlace, ImageSurvey, ShardFile, Tally } from "./image_source.ts";
import { createTallies, extensionOf, type FoundLabel } from "./survey.ts";
import { hasArchiveBehind, readTar, type TarMember } from "./tar.ts";
import { findLinks, type LinkPlaces } from "./tar_links.ts";
import { createSamples, type LabelKind, labelKind, LARGEST_LABEL_MEMBER, parseLabel } from "./webdataset.ts";
import { hashText } from "../base/text_hash.ts";

/** What is known of an image, by its position in the shard. */
export type Verdict = FoundLabel | { readonly unreadable: string };

/** What one pass over a shard finds. */
export interface ShardIndex extends Pick<ImageSurvey, "labelled" | "unlabelled" | "passedOver"> {
  /** Its images, those that cannot be read and the damage at its end included. */
  readonly count: number;
  /** Whether a `.cls`, or the label in a `.json`, is of one of its images. */
  readonly isWebDataset: boolean;
  /** What was found beside an image, or why it cannot be read. */
  verdictOf(position: number): Verdict;
  /** Links by where their headers begin. */
  readonly links: LinkPlaces;
  /** Folders of the images that can be read. */
  readonly folders: ReadonlyMap<string, Tally>;
  readonly unreadable: Tally | undefined;
  /** Labels that are of no image. */
  readonly unusedLabels: number;
  /** Images whose `.json` says another label than their `.cls`. */
  readonly contradicted: number;
  /** What ended it early, in a sentence. */
  readonly damage: string | undefined;
  /** Whether another archive stands behind the end of this one. */
  readonly isContinued: boolean;
}

/** Images that a shard may have. */
const MOST_IMAGES = 2 ** 22;
/** Characters of folders' names, with 64 for each. */
const MOST_FOLDERS = 2 ** 26;

/**
 * The members that count as images, in order, whether they can be read or not.
 *
 * @param stream The shard from its beginning.
 * @param onOther Told of each other member, whose content may be read then.
 * @returns The members.
 * @throws {Error} If the shard is damaged, or has too many images.
 */
export async function* imageMembers(
  stream: ByteStream,
  onOther?: (member: TarMember) => Promise<void>,
): AsyncGenerator<TarMember> {
  let count = 0;
  for await (const member of readTar(stream)) {
    if (member.kind === "other" || isHidden(member.name) || !isImageName(member.name)) await onOther?.(member);
    else if (count++ < MOST_IMAGES) yield member;
    else throw new Error(`at byte ${member.start}: more than ${MOST_IMAGES} images, which should be several shards`);
  }
}

/** Whether a path is one of those that systems leave behind: `._1.jpg`, `.DS_Store`, `__MACOSX/1.jpg`. */
function isHidden(name: string): boolean {
  const parts = name.split("/");
  const folders = parts.slice(0, -1);
  return folders.some(isSystemFolder) || parts.some((part) => part.startsWith(".") && part !== "." && part !== OUTSIDE);
}

/** What stands for the folder of a path with `..` in it, which programs that unpack archives take for different ones. */
export const OUTSIDE = "..";

/**
 * The folder of an image.
 *
 * @param name The image's.
 * @returns Its folders with one `/` between them, empty at the root; {@linkcode OUTSIDE} for a path with `..`.
 */
export function folderOf(name: string): string {
  const parts = name.split("/").slice(0, -1).filter((part) => part !== "" && part !== ".");
  return parts.includes(OUTSIDE) ? OUTSIDE : parts.join("/");
}

/**
 * Passes over a shard.
 *
 * @param shard The file.
 * @returns The shard's images and labels. Damage ends the list early and is its last entry, an image that cannot be read.
 */
export async function indexShard(shard: ShardFile): Promise<ShardIndex> {
  const verdicts = createVerdicts();
  const [unlabelled, unreadable, passedOver] = [createTallies(), createTallies(), createTallies()];
  const folders = createFolders();
  const names = new Set<number>();
  let links: LinkPlaces | undefined;
  let isWebDataset = false;
  let contradicted = 0;
  let isContinued = false;
  let damage: string | undefined;
  let stream: ByteStream | undefined;
  const keyOf = (name: string) => `${shard.name}/${name}`;

  const samples = createSamples(({ position, name }, label) => {
    const found = "none" in label ? { label: null, unlabelled: label.none } : label.found;
    verdicts.set(position, found);
    if (found.label === null) unlabelled.add(found.unlabelled, keyOf(name));
    if ("none" in label) return;
    isWebDataset ||= label.kind === "cls" || found.label !== null;
    if (label.isContradicted) contradicted++;
  });

  /** Where the content of a link is. */
  async function follow({ start }: TarMember): Promise<FilePlace | { readonly unreadable: string }> {
    if (!stream!.isPlain) return { unreadable: "it is a link, and the archive is gzipped" };
    links ??= await findLinks(shard);
    return links.get(start) ?? { unreadable: "it is one of too many links" };
  }

  /** Why an image of the archive cannot be read. */
  async function refusal(member: TarMember, hash: number): Promise<string | undefined> {
    if (names.has(hash)) return "an earlier member has its name";
    if (member.kind === "sparse file") return "it is stored as a sparse file";
    const place = isLink(member) ? await follow(member) : undefined;
    return place && "unreadable" in place ? place.unreadable : undefined;
  }

  async function addImage(member: TarMember): Promise<void> {
    const { name, start } = member;
    const hash = hashText(name);
    const reason = await refusal(member, hash);
    await member.skip();
    if (reason === undefined) folders.add(folderOf(name), keyOf(name), start);
    names.add(hash);
    const position = verdicts.add();
    if (reason === undefined) samples.addImage(position, name);
    else {
      samples.addUnreadable(name);
      verdicts.set(position, { unreadable: `Cannot read image: ${reason}` });
      unreadable.add("that cannot be read", keyOf(name));
    }
  }

  async function addOther(member: TarMember): Promise<void> {
    const { name, kind } = member;
    const label = isHidden(name) || kind === "other" || kind === "sparse file" ? undefined : labelKind(name);
    const found = label && await readLabel(member, label);
    if (found) samples.addLabel(name, label!, found);
    else passedOver.add(describeOther(member), keyOf(name));
  }

  async function readLabel(member: TarMember, kind: LabelKind): Promise<FoundLabel | undefined> {
    const most = LARGEST_LABEL_MEMBER[kind];
    if (!isLink(member)) return parseLabel(kind, member.size > most ? null : await member.read());
    const place = await follow(member);
    if ("unreadable" in place) return { label: null, unlabelled: `whose .${kind} is a link that cannot be followed` };
    if (place.range!.length > most) return parseLabel(kind, null);
    using file = await Deno.open(shard.path);
    return parseLabel(kind, await readPart(file, shard.path, place.range!));
  }

  try {
    stream = await openByteStream(shard.path);
    for await (const member of imageMembers(stream, addOther)) await addImage(member);
    isContinued = await hasArchiveBehind(stream);
  } catch (error) {
    damage = damageOf(shard, error);
    verdicts.set(verdicts.add(), { unreadable: damage });
    unreadable.add("that cannot be read", shard.name);
  } finally {
    stream?.close();
  }
  samples.end();
  return {
    ...verdicts.finish(),
    isWebDataset,
    links: links ?? new Map(),
    folders: folders.found,
    unlabelled: unlabelled.list(),
    unreadable: unreadable.list().at(0),
    passedOver: passedOver.list(),
    unusedLabels: samples.unused(),
    contradicted,
    damage,
    isContinued,
  };
}

function isLink({ kind }: TarMember): boolean {
  return kind === "hard link" || kind === "symbolic link";
}

/** What to count a member as that is neither an image nor a label. */
function describeOther(member: TarMember): string {
  if (isHidden(member.name)) return "hidden";
  if (isLink(member)) return "that are links";
  return member.kind === "other" ? "of type device, pipe or another" : extensionOf(member.name);
}

/**
 * What ended a shard early, as its last entry says it.
 *
 * @param shard The file.
 * @param error What was thrown.
 * @returns A sentence.
 */
export function damageOf(shard: ShardFile, error: unknown): string {
  return `Cannot read tar shard "${shard.path}": ${(error as Error).message}`;
}

/** Verdicts by position: labels, and numbers below zero for the few reasons of those that have none. */
function createVerdicts() {
  let codes = new Int32Array(1024);
  let count = 0;
  let labelled = 0;
  const reasons: Verdict[] = [{ label: null, unlabelled: "without a label" }];
  const numbers = new Map<string, number>();

  function codeOf(verdict: Verdict): number {
    if ("label" in verdict && verdict.label !== null) return verdict.label;
    const reason = JSON.stringify(verdict);
    const number = numbers.get(reason) ?? reasons.push(verdict) - 1;
    numbers.set(reason, number);
    return -1 - number;
  }

  return {
    /** Makes room for one more and gives its position. */
    add(): number {
      if (count === codes.length) codes = new Int32Array(codes.buffer.transfer(2 * codes.byteLength));
      codes[count] = -1;
      return count++;
    },
    set(position: number, verdict: Verdict): void {
      codes[position] = codeOf(verdict);
      if (codes[position] >= 0) labelled++;
    },
    finish() {
      const all = codes.slice(0, count);
      const verdictOf = (position: number) =>
        all[position] < 0 ? reasons[-1 - all[position]] : { label: all[position] };
      return { count, labelled, verdictOf };
    },
  };
}

/** Folders with the number of their images. */
function createFolders() {
  const found = new Map<string, { what: string; count: number; first: string }>();
  let characters = 0;
  return {
    found,
    add(folder: string, key: string, start: number): void {
      const known = found.get(folder);
      if (known) known.count++;
      else {
        found.set(folder, { what: folder, count: 1, first: key });
        characters += folder.length + 64;
        if (characters > MOST_FOLDERS) throw new Error(`at byte ${start}: the names of its folders are too many`);
      }
    },
  };
}
