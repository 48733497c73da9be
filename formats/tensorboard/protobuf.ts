/**
 * Protocol Buffers on the wire, as far as ONNX models and event files need it: fields of a number each, in any order.
 *
 * A field is a varint key, `number * 8 + wire type`, and its value: a varint (type 0), 8 bytes (type 1), 4 bytes (type 5),
 * or a length and that many bytes (type 2: strings, bytes, messages, packed lists). (protobuf.dev, "Encoding".)
 *
 * @module
 */

import { concatenate } from "../base/bytes.ts";

/** A field, encoded. A message is the concatenation of its fields. */
export type Field = Uint8Array;

/** Concatenates fields. */
export function message(...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  return concatenate(fields);
}

/** A field of bytes or of a message. */
export function bytesField(number: number, value: Uint8Array): Field {
  return message(varint(number * 8 + 2), varint(value.length), value);
}

/** A field of text. */
export function textField(number: number, value: string): Field {
  return bytesField(number, new TextEncoder().encode(value));
}

/** A field of a non-negative integer. */
export function integerField(number: number, value: number): Field {
  return message(varint(number * 8), varint(value));
}

/** A packed list of non-negative integers. */
export function integersField(number: number, values: readonly number[]): Field {
  return bytesField(number, message(...values.map(varint)));
}

/** A field of a float32. */
export function floatField(number: number, value: number): Field {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message(varint(number * 8 + 5), bytes);
}

/** A field of a float64. */
export function doubleField(number: number, value: number): Field {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return message(varint(number * 8 + 1), bytes);
}

function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`Cannot write ${value} as a varint: not a non-negative integer`);
  }
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push(value % 128 + (rest > 0 ? 128 : 0));
    value = rest;
  } while (value > 0);
  return Uint8Array.from(bytes);
}
