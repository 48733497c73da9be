/**
 * Arrow's messages: a continuation mark, the length of the header, the header, and a body that its writer adds.
 *
 * @module
 * @see https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
 */

import { bytesOf, concatenate } from "../../../base/bytes.ts";
import { CONTINUATION, VERSION_5 } from "../format.ts";
import { encodeFlatbuffer, type FlatFields, int16, int64, int8, table } from "./flatbuffer.ts";

/**
 * A message without its body.
 *
 * @param type Which of `HEADERS` it has.
 * @param header The header's fields.
 * @param bodyLength Bytes of the body.
 * @returns Bytes, a multiple of 8.
 */
export function encodeMessage(type: number, header: FlatFields, bodyLength: number): Uint8Array<ArrayBuffer> {
  const message = encodeFlatbuffer({
    0: int16(VERSION_5),
    1: int8(type),
    2: table(header),
    3: int64(bodyLength),
  });
  return concatenate([bytesOf(Uint32Array.of(CONTINUATION, message.length)), message]);
}
