/**
 * Opening a file of tensors, whatever container it is.
 *
 * @module
 */

import { type ByteSource, openBytes, sourceOfBytes } from "../base/byte_source.ts";
import { readSafetensors } from "./safetensors.ts";
import { readStateDict } from "./state_dict.ts";
import { readTorchStream, readTorchZip, type TorchFile } from "./torch.ts";
import type { Weights } from "./weights.ts";
import { unwrapNames } from "./wrapped_names.ts";
import { closing } from "../base/closing.ts";
import { unreadable } from "../base/files.ts";
import { INDEX, openShards } from "./sharded.ts";

/** The containers that are told apart by a file's first bytes. */
type Container = "safetensors" | "torch zip" | "torch stream";

/**
 * Opens a weight file: safetensors, or a PyTorch checkpoint in its zip or its older container; or the index of several
 * files of safetensors, with all of them.
 *
 * But for an index the bytes decide, not the name. Tensors are read when asked for; nothing in the file is executed. What wrappers and keys of
 * checkpoints put before all names is left out, and averaged weights are preferred where there are both.
 *
 * @param path The file.
 * @returns The open weights.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is something else, damaged, truncated, or a pickle that refers to more than tensors and plain data.
 */
export async function openWeights(path: string): Promise<Weights> {
  if (path.endsWith(INDEX)) return unwrapNames(await openShards(path, openSafetensors));
  return await openFile(path);
}

function openFile(path: string): Promise<Weights> {
  return withSource(path, (source) => {
    switch (containerOf(source)) {
      case "safetensors":
        return unwrapNames(readSafetensors(source));
      case "torch zip":
        return unwrapNames(readStateDict(source, readTorchZip(source)));
      case "torch stream":
        return unwrapNames(readStateDict(source, readTorchStream(source)));
    }
  });
}

function openSafetensors(path: string): Promise<Weights> {
  return withSource(path, (source) => {
    if (containerOf(source) === "safetensors") return readSafetensors(source);
    throw unreadable(path, "it is a PyTorch checkpoint, expected safetensors");
  });
}

/**
 * Opens a PyTorch file whose object need not be a state dict, such as a published label map, which is one tensor.
 *
 * @param path The file.
 * @returns The object with its tensors, and `close`.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is something else, damaged, truncated, or a pickle that refers to more than tensors and plain data.
 */
export function openTorch(path: string): Promise<TorchFile & { close(): void }> {
  return withSource(path, (source) => ({ ...torchFileOf(source), close: () => source.close() }));
}

/**
 * Reads a PyTorch file that is in memory, as {@linkcode openTorch} reads one on disk.
 *
 * @param path Its path, for messages.
 * @param bytes The file's bytes.
 * @returns The object with its tensors.
 * @throws {TypeError} If it is something else, damaged, truncated, or a pickle that refers to more than tensors and plain data.
 */
export function readTorch(path: string, bytes: Uint8Array): TorchFile {
  return torchFileOf(sourceOfBytes(path, bytes));
}

function torchFileOf(source: ByteSource): TorchFile {
  const container = containerOf(source);
  if (container === "safetensors") {
    throw unreadable(source.path, "it is safetensors, expected PyTorch");
  }
  return container === "torch zip" ? readTorchZip(source) : readTorchStream(source);
}

async function withSource<T>(path: string, read: (source: ByteSource) => T): Promise<T> {
  using opened = new DisposableStack();
  const result = read(opened.use(closing(await openBytes(path))));
  opened.move();
  return result;
}

/** The first bytes of a pickle whose protocol is 2 to 5. */
function isPickle(head: Uint8Array): boolean {
  return head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;
}

function containerOf(source: ByteSource): Container {
  const { path, size } = source;
  if (size === 0) throw unreadable(path, "it is empty");
  const head = source.read(0, Math.min(size, 128));
  // A header length below 2^32, then the brace that opens its JSON.
  if (head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0)) return "safetensors";
  if (head[0] === 0x50 && head[1] === 0x4b && head[2] === 3 && head[3] === 4) return "torch zip";
  if (isPickle(head)) return "torch stream";
  const expected = "expected safetensors or a PyTorch checkpoint";
  if (head.every((byte) => byte >= 0x20 && byte < 0x7f || byte === 0x0a || byte === 0x0d || byte === 0x09)) {
    const text = new TextDecoder().decode(head);
    if (text.startsWith("version https://git-lfs")) {
      throw unreadable(path, `it is a Git LFS pointer, not the weights ("git lfs pull" fetches them)`);
    }
    throw unreadable(path, `it is text, ${expected}`);
  }
  const bytes = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw unreadable(path, `it starts with the bytes ${bytes}, ${expected}`);
}
