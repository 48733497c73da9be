import { assertEquals, assertRejects } from "@std/assert";
import { readMultiLabelAnnotations } from "../../../formats/evaluation/mod.ts";
import { jsonFile } from "./json_input.ts";

const ANNOTATIONS = {
  "ILSVRC2012_val_00000001.JPEG": { correct: ["n1", "n2"], wrong: ["n3"], unclear: ["n4"] },
  "ILSVRC2012_val_00000002.JPEG": { correct: ["n1"] },
  "ILSVRC2012_val_00000003.JPEG": { wrong: ["n1"] },
  "ILSVRC2012_val_00000004.JPEG": { correct: ["n5"] },
};

Deno.test("readMultiLabelAnnotations() accepts correct and unclear classes, and drops problematic images", async () => {
  const problematic = { "ILSVRC2012_val_00000004.JPEG": ["blurred"], "ILSVRC2012_val_00000009.JPEG": [] };
  for (const named of [problematic, Object.keys(problematic)]) {
    const path = jsonFile({ initial_annots: ANNOTATIONS, problematic_images: named, imagenet_m: [] });
    assertEquals(await readMultiLabelAnnotations(path), {
      accepted: new Map([
        ["ILSVRC2012_val_00000001.JPEG", ["n1", "n2", "n4"]],
        ["ILSVRC2012_val_00000002.JPEG", ["n1"]],
        ["ILSVRC2012_val_00000003.JPEG", []],
      ]),
      problematic: 1,
    });
  }
});

Deno.test("readMultiLabelAnnotations() says what is wrong with a file", async () => {
  const cases: [unknown, string][] = [
    ["{", "it is not JSON"],
    [[], "initial_annots is missing, expected an object of images"],
    [{ initial_annots: [] }, "initial_annots is [], expected an object of images"],
    [{ initial_annots: {} }, "problematic_images is missing, expected an object or a list of images"],
    [
      { initial_annots: { "a.JPEG": { correct: "n1" } }, problematic_images: {} },
      'the entry of "a.JPEG" is {"correct":"n1"}, expected lists of WordNet identifiers',
    ],
    [
      { initial_annots: { "a.JPEG": 3 }, problematic_images: {} },
      'the entry of "a.JPEG" is 3, expected lists of WordNet identifiers',
    ],
  ];
  for (const [value, message] of cases) {
    const path = jsonFile(value);
    await assertRejects(
      () => readMultiLabelAnnotations(path),
      TypeError,
      `Cannot read annotations "${path}": ${message}`,
    );
  }
  await assertRejects(
    () => readMultiLabelAnnotations("none.json"),
    Deno.errors.NotFound,
    'Cannot read annotations "none.json": there is no such file',
  );
});
