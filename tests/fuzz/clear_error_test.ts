import { assertEquals } from "@std/assert";
import { unclearness } from "./clear_error.ts";

Deno.test("unclearness() takes one sentence that names the file and what was found", () => {
  for (
    const error of [
      new TypeError('Cannot read "a.pt": it is empty'),
      new RangeError('Cannot read label map "a.pt": k is "undefined", expected 1 to 12'),
      new RangeError('Cannot read label map "a.pt": score of row 3 holds NaN, expected finite numbers'),
      new RangeError('Cannot read label map "a.pt": score of row 3 holds -Infinity, expected finite numbers'),
      new Deno.errors.NotFound('Cannot read "a.pt": no such file'),
      new TypeError('Cannot read "a.pt": it is not JSON', { cause: new SyntaxError("Unexpected token u") }),
    ]
  ) assertEquals(unclearness(error, "a.pt"), undefined);
});

Deno.test("unclearness() says what is wrong with an error", () => {
  const caught = new RangeError("Offset is outside the bounds of the DataView");
  const cases: [unknown, string][] = [
    ["text", "it is no Error"],
    [new SyntaxError('Cannot read "a.pt": x'), "it is a SyntaxError"],
    [new TypeError('Reading "a.pt": x'), 'its message does not start with "Cannot" and what was being done'],
    [new TypeError("Cannot read properties of undefined (reading 'x')"), "its message does not name the file"],
    [new TypeError('Cannot read "a.pt": one\ntwo'), "its message has several lines"],
    [new TypeError('Cannot read "a.pt": one.'), "its message ends with a full stop"],
    [new TypeError(`Cannot read "a.pt": ${"x".repeat(600)}`), "its message has 620 characters"],
    [new RangeError('Cannot read "a.pt": Invalid array length'), 'its message passes on "Invalid array"'],
    [new TypeError('Cannot read "a.pt": version is undefined'), 'its message passes on "undefined"'],
    [new TypeError('Cannot read "a.pt": version is NaN'), 'its message passes on "NaN"'],
    [
      new TypeError('Cannot read "a.pt": it is damaged', { cause: caught }),
      "its cause is RangeError: Offset is outside the bounds of the DataView",
    ],
  ];
  for (const [error, found] of cases) assertEquals(unclearness(error, "a.pt"), found);
});
