/**
 * Writes PyTorch files that hold one float32 tensor, or several by name, in the zip container that PyTorch has written since
 * 1.6.
 *
 * Source: PyTorch's `torch/serialization.py` and `torch/_tensor.py`, `__reduce_ex__`.
 *
 * @module
 */

import { bytesOf } from "../base/bytes.ts";
import type { TensorData } from "../base/tensor_data.ts";
import { elementCount } from "./data_types.ts";
import { writeZip, type ZipContent } from "./zip_writer.ts";
import { numberOf } from "../base/number_of.ts";

const encoder = new TextEncoder();
const VERSION = encoder.encode("3\n");
const BYTE_ORDER = encoder.encode("little");

/**
 * Prepares to write tensors of one shape: what differs between their files is the content.
 *
 * @param shape The tensors' shape.
 * @returns A function that writes a tensor of that shape, row-major; its result is what `torch.load` reads. It throws a TypeError for
 *   another number of elements.
 */
export function torchTensorWriter(shape: readonly number[]): (values: Float32Array) => Uint8Array<ArrayBuffer> {
  const count = elementCount(shape);
  const pickle = tensorPickle(shape, count);
  return (values) => {
    if (values.length !== count) {
      throw new TypeError(
        `Cannot write a tensor of shape [${shape.join(", ")}]: there are ${
          numberOf(values.length, "value")
        }, expected ${count}`,
      );
    }
    return writeZip([
      ["archive/data.pkl", pickle],
      ["archive/byteorder", BYTE_ORDER],
      ["archive/data/0", new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
      ["archive/version", VERSION],
    ]);
  };
}

/**
 * Writes tensors by name, a state dict, as `torch.load(path, weights_only=True)` reads it.
 *
 * @param tensors The tensors, of float32.
 * @param beside Texts and truths to stand beside them: the file then holds a dictionary of these and of `model`, the tensors.
 * @returns The file's bytes.
 * @throws {RangeError} If it would have 4 GiB or more.
 */
export function torchStateDict(
  tensors: ReadonlyMap<string, TensorData>,
  beside?: Readonly<Record<string, string | true>>,
): Uint8Array<ArrayBuffer> {
  const items = [...tensors].map((
    [name, { shape, data }],
    index,
  ) => [...text(name), ...tensorValue(shape, data.length, `${index}`)]);
  const state = dictionary(items);
  const value = beside === undefined ? state : dictionary([
    [...text("model"), ...state],
    ...Object.entries(beside).map(([name, value]) => [...text(name), ...(value === true ? [0x88] : text(value))]),
  ]);
  return writeZip([
    ["archive/data.pkl", Uint8Array.from([0x80, 2, ...value, 0x2e])],
    ["archive/byteorder", BYTE_ORDER],
    ...[...tensors.values()].map(({ data }, index): ZipContent => [`archive/data/${index}`, bytesOf(data)]),
    ["archive/version", VERSION],
  ]);
}

function tensorPickle(shape: readonly number[], count: number): Uint8Array {
  return Uint8Array.from([0x80, 2, ...tensorValue(shape, count, "0"), 0x2e]);
}

/** `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`, in protocol 2. */
function tensorValue(shape: readonly number[], count: number, key: string): number[] {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const storage = tuple(
    text("storage"),
    global("torch", "FloatStorage"),
    text(key),
    text("cpu"),
    integer(count),
  );
  const parameters = tuple(
    [...storage, 0x51], // BINPERSID
    integer(0),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    [0x89], // NEWFALSE
    [...global("collections", "OrderedDict"), 0x29, 0x52], // called with an empty tuple
  );
  return [...global("torch._utils", "_rebuild_tensor_v2"), ...parameters, 0x52];
}

function global(module: string, name: string): number[] {
  return [0x63, ...encoder.encode(`${module}\n${name}\n`)];
}

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [0x58, ...uint32(bytes.length), ...bytes];
}

function integer(value: number): number[] {
  return [0x4a, ...uint32(value)];
}

function tuple(...items: number[][]): number[] {
  return [0x28, ...items.flat(), 0x74];
}

/** A dictionary of names and values, each with its name before it. */
function dictionary(items: number[][]): number[] {
  return [0x7d, 0x28, ...items.flat(), 0x75];
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
