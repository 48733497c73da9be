import { assertEquals } from "@std/assert";
import { printable } from "../../../formats/base/printable.ts";

Deno.test("printable() escapes every C0 and C1 control character and DEL", () => {
  for (let code = 0; code < 0x100; code++) {
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const shown = printable(String.fromCharCode(code));
    assertEquals(shown.length > 1, isControl, `${code}`);
    if (isControl) assertEquals(JSON.parse(`"${shown}"`), String.fromCharCode(code));
  }
  assertEquals(printable("a\x1b]0;title\x07b\x9b31m\r\n\tc"), "a\\u001b]0;title\\u0007b\\u009b31m\\r\\n\\tc");
});

Deno.test("printable() escapes marks of direction, separators of lines and halves of surrogate pairs", () => {
  assertEquals(printable("\u202egpj.exe\u2066\u061c\u200f"), "\\u202egpj.exe\\u2066\\u061c\\u200f");
  assertEquals(printable("a\u2028b\u2029"), "a\\u2028b\\u2029");
  assertEquals(printable("a\ud800b\udc00"), "a\\ud800b\\udc00");
});

Deno.test("printable() leaves letters of all scripts, emoji and backslashes", () => {
  const text = "Größe 写真 фото صورة 👩‍👩‍👧 C:\\a\\b e\u0301 \u00a0";
  assertEquals(printable(text), text);
});

Deno.test("printable() leaves JSON the same JSON", () => {
  const value = { key: "a\x1b[2J\x7f\x9b\u2028\u202e\ud83d\ude00\ud83d" };
  assertEquals(JSON.parse(printable(JSON.stringify(value))), value);
});
