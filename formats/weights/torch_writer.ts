/**
 * Writes a PyTorch file that holds one float32 tensor, in the zip container that PyTorch has written since 1.6.
 *
 * Source: PyTorch's `torch/serialization.py` and `torch/_tensor.py`, `__reduce_ex__`.
 *
 * @module
 */

import { elementCount } from "./data_types.ts";
import { writeZip } from "./zip_writer.ts";
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

/** `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)`, in protocol 2. */
function tensorPickle(shape: readonly number[], count: number): Uint8Array {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const global = (module: string, name: string) => [0x63, ...encoder.encode(`${module}\n${name}\n`)];
  const text = (value: string) => [0x58, ...uint32(value.length), ...encoder.encode(value)];
  const integer = (value: number) => [0x4a, ...uint32(value)];
  const tuple = (...items: number[][]) => [0x28, ...items.flat(), 0x74];
  const storage = tuple(
    text("storage"),
    global("torch", "FloatStorage"),
    text("0"),
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
  return Uint8Array.from([0x80, 2, ...global("torch._utils", "_rebuild_tensor_v2"), ...parameters, 0x52, 0x2e]);
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
