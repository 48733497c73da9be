import { assertEquals, assertThrows } from "@std/assert";
import { readBoxes } from "../../../pipeline/pictures/boxes.ts";

const classOf = (text: string) => text === "cat, tabby" ? 3 : undefined;

function withTable<Result>(text: string, test: (path: string) => Result): Result {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, text);
  try {
    return test(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readBoxes() reads columns in any order, quoted fields, and keys with and without an extension", () => {
  const text = 'left,key,class,"top",width,height,note\r\n0.5,n1/a.b.JPEG,"cat, tabby",0,0.5,1,x\r\n\r\n' +
    '0,n1/a.b,"cat, tabby",0.25,1,0.75,"a ""b"""\r\n';
  assertEquals(
    withTable(text, (path) => readBoxes(path, classOf)),
    new Map([["n1/a.b", [
      { index: 3, top: 0, left: 0.5, height: 1, width: 0.5 },
      { index: 3, top: 0.25, left: 0, height: 0.75, width: 1 },
    ]]]),
  );
});

Deno.test("readBoxes() refuses a table that is wrong, and says where", () => {
  const header = "key,class,top,left,height,width\n";
  const cases: [string, typeof TypeError | typeof RangeError, string][] = [
    ["key,class,top,left\n", TypeError, 'its header is "key,class,top,left", without height, width'],
    [`${header}a,dog,0,0,1,1`, TypeError, 'line 2 has class "dog", which is no wnid, name or index'],
    [`${header}a,"cat, tabby",0,0,1,30`, RangeError, "line 2 has box 0, 0, 1, 30, expected fractions"],
    [`${header}a,"cat, tabby",0,0,1`, RangeError, "line 2 has box 0, 0, 1, , expected fractions"],
  ];
  for (const [text, Kind, message] of cases) {
    withTable(text, (path) => {
      assertThrows(() => readBoxes(path, classOf), Kind, `Cannot read boxes from "${path}": ${message}`);
    });
  }
  assertThrows(() => readBoxes("nowhere.csv", classOf), Deno.errors.NotFound, "there is no such file");
});
