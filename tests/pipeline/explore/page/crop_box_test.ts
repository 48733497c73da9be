import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { boxBetween, boxFrom, dragBox, randomBox } from "../../../../pipeline/explore/page/crop_box.ts";
import { generator } from "../../../formats/labels/fixture.ts";

const BOX = { top: 0.25, left: 0.25, height: 0.5, width: 0.5 };
const ALL = { x: 0, y: 0 } as const;

Deno.test("dragBox() moves a box by whole thousandths and keeps it within the image", () => {
  assertEquals(dragBox(BOX, ALL, { x: 0.1234, y: -0.0006 }), { ...BOX, top: 0.249, left: 0.373 });
  assertEquals(dragBox(BOX, ALL, { x: -3, y: 3 }), { ...BOX, top: 0.5, left: 0 });
});

Deno.test("dragBox() moves the edges that are held, no nearer than the least size", () => {
  assertEquals(dragBox(BOX, { x: 1, y: 0 }, { x: 0.1, y: 0.1 }), { ...BOX, width: 0.6 });
  assertEquals(dragBox(BOX, { x: -1, y: -1 }, { x: 0.1, y: -0.05 }), {
    top: 0.2,
    left: 0.35,
    height: 0.55,
    width: 0.4,
  });
  assertEquals(dragBox(BOX, { x: 1, y: 1 }, { x: -3, y: 3 }), { ...BOX, width: 0.02, height: 0.75 });
  assertEquals(dragBox(BOX, { x: -1, y: 0 }, { x: 3, y: 0 }), { ...BOX, left: 0.73, width: 0.02 });
});

Deno.test("boxBetween() is the same from either corner", () => {
  const box = { top: 0.2, left: 0.1, height: 0.3, width: 0.6 };
  assertEquals(boxBetween({ x: 0.1, y: 0.2 }, { x: 0.7, y: 0.5 }), box);
  assertEquals(boxBetween({ x: 0.7, y: 0.5 }, { x: 0.1, y: 0.2 }), box);
  assertEquals(boxBetween({ x: 0.995, y: -1 }, { x: 2, y: 2 }), { top: 0, left: 0.98, height: 1, width: 0.02 });
});

Deno.test("randomBox() draws parts of the image, of the areas and shapes that training draws", () => {
  const random = generator(7);
  const areas: number[] = [];
  for (let draw = 0; draw < 1000; draw++) {
    const { top, left, height, width } = randomBox(1.5, random);
    assert(top >= 0 && left >= 0 && top + height <= 1 + 1e-9 && left + width <= 1 + 1e-9);
    const ratio = 1.5 * width / height;
    if (height < 1 && width < 1) {
      assert(ratio > 0.74 && ratio < 1.35, `Ratio ${ratio}`);
      assert(height * width > 0.079, `Area ${height * width}`);
    }
    areas.push(height * width);
  }
  assertAlmostEquals(areas.reduce((sum, area) => sum + area, 0) / 1000, 0.5, 0.05);
});

Deno.test("boxFrom() reads what is a part of the image and nothing else", () => {
  assertEquals(boxFrom("0.25,0.25,0.5,0.5"), BOX);
  for (const text of [null, "", "0,0,1", "0,0,1,1,1", "0.6,0,0.5,1", "-0.1,0,1,1", "0,0,0.001,1", "a,b,c,d"]) {
    assertEquals(boxFrom(text), null);
  }
});
