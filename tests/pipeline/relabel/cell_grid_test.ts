import { assertEquals } from "@std/assert";
import { drawCellGrid } from "../../../pipeline/relabel/cell_grid.ts";

const name = (index: number) => `kind ${index}`;

Deno.test("drawCellGrid() gives letters by the number of cells, with a legend", () => {
  const lines = drawCellGrid([7, 7, 2, 7, 2, 2, 7, 7, 40], [3, 3], { name, colour: false });
  assertEquals(lines, [
    "a a b   a  kind 7   5 cells",
    "a b b   b  kind 2   3",
    "a a c   c  kind 40  1",
  ]);
});

Deno.test("drawCellGrid() shows classes without a letter as one line of the legend", () => {
  const lines = drawCellGrid([1, 2, 3, 4, 5, 1, 1, 2, 2], [3, 3], { name, colour: false });
  assertEquals(lines, [
    "a b .   a  kind 1           3 cells",
    ". . a   b  kind 2           3",
    "a b b   .  3 other classes  3",
  ]);
});

Deno.test("drawCellGrid() takes every second cell of a map wider than 16, and counts all", () => {
  const classes = Array.from({ length: 20 * 20 }, (_, cell) => cell % 20 < 10 ? 1 : 2);
  const lines = drawCellGrid(classes, [20, 20], { name, colour: false });
  assertEquals(lines.length, 10);
  assertEquals(lines[0], "a a a a a b b b b b   a  kind 1  200 cells");
  assertEquals(lines[9], "a a a a a b b b b b");
});

Deno.test("drawCellGrid() draws a map of one cell and one that is not square", () => {
  assertEquals(drawCellGrid([9], [1, 1], { name, colour: false }), ["a   a  kind 9  1 cell"]);
  assertEquals(drawCellGrid([1, 2, 3, 4], [1, 4], { name, colour: false }), [
    "a b . .   a  kind 1           1 cell",
    "          b  kind 2           1",
    "          .  2 other classes  2",
  ]);
});

Deno.test("drawCellGrid() colours cells by their letter, and leaves the letters", () => {
  const plain = drawCellGrid([1, 1, 2, 2], [2, 2], { name, colour: false });
  const coloured = drawCellGrid([1, 1, 2, 2], [2, 2], { name, colour: true });
  // deno-lint-ignore no-control-regex
  const codes = (line: string) => [...line.matchAll(/\x1b\[[\d;]*m/g)].map(([code]) => code);
  assertEquals(codes(coloured[0]), ["\x1b[30;48;5;117m", "\x1b[0m", "\x1b[30;48;5;117m", "\x1b[0m"]);
  assertEquals(codes(coloured[1])[0], "\x1b[30;48;5;215m");
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.map((line) => line.replaceAll(/\x1b\[[\d;]*m/g, "")), plain);
});
