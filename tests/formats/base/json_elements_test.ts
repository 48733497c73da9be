import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readJsonElements } from "../../../formats/base/json_elements.ts";

/** Writes a text to a file and gives the file's name. */
function fileOf(text: string): string {
  const path = join(Deno.makeTempDirSync(), "a.json");
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("readJsonElements() gives members and elements with their values and places", async () => {
  const value = {
    info: { text: 'a "}] \\' },
    "na\\me": [1, -2.5e3, null, true, "x,y]", [], {}, [[1], { a: [2] }], "\u00e4"],
    empty: [],
    last: 7,
  };
  for (const text of [JSON.stringify(value), `\n ${JSON.stringify(value, null, 3)}\n`]) {
    const path = fileOf(text);
    const bytes = new TextEncoder().encode(text);
    const found: Record<string, unknown> = {};
    for await (const { name, index, value, offset, length } of readJsonElements(path)) {
      if (value === undefined) found[name] = [];
      else if (index < 0) found[name] = value;
      else assertEquals((found[name] as unknown[]).push(value), index + 1);
      if (value === undefined) continue;
      assertEquals(JSON.parse(new TextDecoder().decode(bytes.subarray(offset, offset + length))), value);
    }
    assertEquals(found, value);
  }
});

Deno.test("readJsonElements() reads elements that lie across the pieces it reads", async () => {
  const list = Array.from({ length: 900 }, (_, index) => ({ index, text: "\\\"'é".repeat(index % 700) }));
  const path = fileOf(JSON.stringify({ list, large: "a".repeat(3e6) }));
  const found: unknown[] = [];
  for await (const { value } of readJsonElements(path)) if (value !== undefined) found.push(value);
  assertEquals(found, [...list, "a".repeat(3e6)]);
});

Deno.test("readJsonElements() refuses what is no object of JSON, and says at which byte", async () => {
  const refusals: [string, string][] = [
    ["", "it is no object of JSON, at byte 0"],
    ["[1]", "it is no object of JSON, at byte 0"],
    ['{"a": 1', "it ends early"],
    ['{"a": [1, 2', "it ends early"],
    ['{"a": "b', "it ends early"],
    ['{"a" 1}', "it is not JSON"],
    ['{"a": [1 2]}', "it is not JSON"],
    ['{"a": [1,]}', "it is not JSON"],
    ['{"a": 1,}', "it is not JSON"],
    ['{"a": [[1}]}', "it is not JSON"],
    ["{1: 2}", "a member has no name"],
    ['{"a": 1, "a": 2}', 'it has "a" twice'],
    ['{"a": 1} 2', "something follows its object"],
  ];
  for (const [text, message] of refusals) {
    const path = fileOf(text);
    const error = await assertRejects(() => Array.fromAsync(readJsonElements(path)), TypeError, message, text);
    assertEquals(error.message.startsWith(`Cannot read "${path}": `), true);
  }
});
