import { assertEquals, assertThrows } from "@std/assert";
import {
  bytesField,
  doubleField,
  floatField,
  integerField,
  integersField,
  message,
  textField,
} from "../../../formats/tensorboard/protobuf.ts";

Deno.test("protobuf fields have the bytes of the encoding's own documentation", () => {
  assertEquals(integerField(1, 150).toHex(), "089601");
  assertEquals(textField(2, "testing").toHex(), "120774657374696e67");
  assertEquals(bytesField(3, integerField(1, 150)).toHex(), "1a03089601");
  assertEquals(integersField(6, [3, 270, 86942]).toHex(), "3206038e029ea705");
});

Deno.test("protobuf fields take numbers of any size and floats", () => {
  assertEquals(message(integerField(1, 0), integerField(16, 2 ** 40)).toHex(), "08008001808080808020");
  assertEquals(floatField(2, 1e-3).toHex(), "156f12833a");
  assertEquals(doubleField(1, -2).toHex(), "0900000000000000c0");
});

Deno.test("integerField() refuses what is no non-negative integer", () => {
  for (const value of [-1, 0.5, NaN, 2 ** 53]) {
    assertThrows(() => integerField(1, value), RangeError, `Cannot write ${value} as a varint`);
  }
});
