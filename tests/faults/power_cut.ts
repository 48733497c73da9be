/**
 * What a power cut can leave of what a process wrote.
 *
 * Names are kept in the order in which they changed, up to some point after the last time that a folder was waited for, as
 * journals of file systems keep them. What a file holds is kept as far as the file was waited for; of what was written
 * later nothing, some, or all is there, or zeros are, whatever its name is by then.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import type { Random } from "../fuzz/random.ts";
import type { Operation } from "./file_system.ts";

/** What a name leads to. */
interface Content {
  /** As the process would read it. */
  bytes: Uint8Array;
  /** What is on disk for certain. */
  synced: Uint8Array;
}

/**
 * Makes a folder that is in such a state.
 *
 * @param folder The new folder.
 * @param operations What was done in another folder until the power was cut.
 * @param random Chooses.
 * @param options That folder, absolute.
 */
export function leaveAfterPowerCut(
  folder: string,
  operations: readonly Operation[],
  random: Random,
  { root }: { readonly root: string },
): void {
  const isName = ({ type }: Operation) => ["create", "remove", "rename", "folder"].includes(type);
  const lastWait = operations.findLastIndex(({ type }) => type === "sync folder");
  const later = operations.slice(lastWait + 1).filter(isName).length;
  let lost = later - random.below(later + 1);
  const kept = new Set(operations);
  for (const operation of operations.slice(lastWait + 1).filter(isName).reverse()) {
    if (lost-- > 0) kept.delete(operation);
  }

  /** Names as the process sees them, and as the disk has them: both lead to the same contents. */
  const [seen, names] = [new Map<string, Content>(), new Map<string, Content>()];
  const folders = new Set<string>();
  for (const operation of operations) {
    const { type, path } = operation;
    const isKept = kept.has(operation);
    if (type === "folder" && isKept) folders.add(path);
    else if (type === "create") {
      const content = { bytes: new Uint8Array(), synced: new Uint8Array() };
      seen.set(path, content);
      if (isKept) names.set(path, content);
    } else if (type === "rename") {
      for (const map of isKept ? [seen, names] : [seen]) {
        const content = map.get(path);
        map.delete(path);
        if (content) map.set(operation.to, content);
      }
    } else if (type === "remove") {
      for (const map of isKept ? [seen, names] : [seen]) map.delete(path);
    } else if (type === "truncate") seen.get(path)!.bytes = new Uint8Array();
    else if (type === "write") {
      const content = seen.get(path)!;
      const bytes = new Uint8Array(Math.max(content.bytes.length, operation.offset + operation.bytes.length));
      bytes.set(content.bytes);
      bytes.set(operation.bytes, operation.offset);
      content.bytes = bytes;
    } else if (type === "sync") {
      const content = seen.get(path)!;
      content.synced = content.bytes;
    }
  }
  const inside = (path: string) => join(folder, path.slice(root.length));
  Deno.mkdirSync(folder, { recursive: true });
  for (const path of folders) if (path.startsWith(root)) Deno.mkdirSync(inside(path), { recursive: true });
  for (const [path, content] of names) {
    if (!path.startsWith(root)) continue;
    Deno.mkdirSync(dirname(inside(path)), { recursive: true });
    Deno.writeFileSync(inside(path), left(content, random));
  }
}

function left({ bytes, synced }: Content, random: Random): Uint8Array {
  if (bytes === synced) return bytes;
  const certain = Math.min(synced.length, bytes.length);
  const some = certain + random.below(bytes.length - certain + 1);
  return random.one([
    synced,
    bytes,
    bytes.subarray(0, some),
    bytes.slice().fill(0, certain),
    bytes.slice().fill(0, some),
  ]);
}
