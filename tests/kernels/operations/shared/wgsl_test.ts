import { assertEquals } from "@std/assert";
import { wgsl } from "../../../../kernels/operations/shared/wgsl.ts";

Deno.test("wgsl() takes the common indentation off, and indents pieces as deep as their lines", () => {
  const inner = wgsl`
    let a = 1;
    if (a > 0) {
      b();
    }
  `;
  assertEquals(inner, "let a = 1;\nif (a > 0) {\n  b();\n}");
  assertEquals(
    wgsl`
      fn main() {
        ${inner}
        ${[0, 1].map((lane) => `sum += x${lane};`)}
        store(${2}u);
      }

    `,
    "fn main() {\n  let a = 1;\n  if (a > 0) {\n    b();\n  }\n  sum += x0;\n  sum += x1;\n  store(2u);\n}\n",
  );
});

Deno.test("wgsl() leaves no line of an empty piece that stands alone, and nothing of one within a line", () => {
  const nothing = wgsl`
    a();
    ${false}
    ${[]}
    b(${""});
    ${undefined}
  `;
  assertEquals(nothing, "a();\nb();");
});

Deno.test("wgsl() keeps blank lines, and text on one line, as they are", () => {
  assertEquals(wgsl`a${1}b`, "a1b");
  assertEquals(
    wgsl`
    ${"first\n\nlast"}
      deeper
  `,
    "first\n\nlast\n  deeper",
  );
});
