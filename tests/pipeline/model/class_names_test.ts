import { assertEquals, assertRejects } from "@std/assert";
import {
  classFinder,
  className,
  dataSetClassNames,
  imageNetClassNames,
  readClassNames,
} from "../../../pipeline/model/class_names.ts";

function file(text: string): string {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, text);
  return path;
}

Deno.test("readClassNames() reads a name a line, or named columns", async () => {
  assertEquals(await readClassNames(file("cat\ndog, hound\n")), { name: ["cat", "dog, hound"] });
  assertEquals(await readClassNames(file("index\twnid\tname\r\n0\tn1\tcat\r\n1\tn2\tdog\r\n")), {
    wnid: ["n1", "n2"],
    name: ["cat", "dog"],
  });
});

Deno.test("readClassNames() refuses a file that is missing, has no names, or another order", async () => {
  const path = file("index\tname\n0\tcat\n2\tdog\n");
  const misplaced = `Cannot read class names from "${path}": line 3 has index 2, expected 1`;
  await assertRejects(() => readClassNames(path), TypeError, misplaced);
  const nameless = "its columns are a, b, expected one called name";
  await assertRejects(() => readClassNames(file("a\tb\n")), TypeError, nameless);
  const missing = 'Cannot read class names from "none": there is no such file';
  await assertRejects(() => readClassNames("none"), Deno.errors.NotFound, missing);
});

Deno.test("imageNetClassNames() are timm's order", async () => {
  const { wnid, name } = await imageNetClassNames();
  assertEquals([wnid!.length, name.length], [1000, 1000]);
  assertEquals([wnid![0], name[0], wnid![999]], ["n01440764", "tench, Tinca tinca", "n15075141"]);
});

Deno.test("dataSetClassNames() are the folders, with the names of WordNet identifiers", async () => {
  assertEquals(await dataSetClassNames(null), undefined);
  assertEquals(await dataSetClassNames(["cats", "n01440764"]), { name: ["cats", "n01440764"] });
  assertEquals(await dataSetClassNames(["n02124075", "n99999999"]), {
    wnid: ["n02124075", "n99999999"],
    name: ["Egyptian cat", "n99999999"],
  });
});

Deno.test("className() is the first synonym, or the class's number", () => {
  assertEquals(className({ name: ["tench, Tinca tinca", ""] }, 0), "tench");
  assertEquals(className({ name: ["tench", ""] }, 1), "class 1");
  assertEquals(className(undefined, 285), "class 285");
});

Deno.test("classFinder() knows a class by its wnid, any of its names, or its index", () => {
  const find = classFinder({ wnid: ["n1", "n2"], name: ["tabby, tabby cat", "dog"] }, 2);
  assertEquals(["n2", "Tabby cat", "tabby", "tabby, tabby cat", "1", "2", "cow"].map(find), [
    ...[1, 0, 0, 0, 1],
    ...[undefined, undefined],
  ]);
});
