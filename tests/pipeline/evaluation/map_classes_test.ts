import { assertEquals, assertThrows } from "@std/assert";
import { imageNetClassNames } from "../../../pipeline/model/class_names.ts";
import { mapClasses } from "../../../pipeline/evaluation/map_classes.ts";

const subject = 'Cannot evaluate on "val"';
const animals = { classes: 3, classNames: { name: ["cat, house cat", "dog", "crane"] } };

Deno.test("mapClasses() finds classes by name and by first synonym, in any order", () => {
  assertEquals(mapClasses(["dog", "cat"], animals, { subject }), [1, 0]);
  assertEquals(mapClasses(["cat, house cat"], animals, { subject }), [0]);
});

Deno.test("mapClasses() finds ImageNet's classes by WordNet identifier, and no name that two of them have", async () => {
  const model = { classes: 1000, classNames: await imageNetClassNames() };
  assertEquals(mapClasses(["n07920052", "n01440764", "goldfish"], model, { subject }), [967, 0, 1]);
  assertThrows(
    () => mapClasses(["crane"], model, { subject }),
    TypeError,
    `${subject}: class "crane" is none of the 1,000 classes of the model`,
  );
});

Deno.test("mapClasses() goes by the order only where it is one, and all classes are there", () => {
  const isOrdered = true;
  assertEquals(mapClasses(["a", "b", "c"], { classes: 3 }, { subject, isOrdered }), [0, 1, 2]);
  assertEquals(mapClasses(["a", "b", "c"], animals, { subject, isOrdered }), [0, 1, 2]);
  assertThrows(() => mapClasses(["a", "b", "c"], animals, { subject }), TypeError, '"a" (and 2 more) is none');
  assertThrows(
    () => mapClasses(["a", "dog", "c"], animals, { subject, isOrdered }),
    TypeError,
    `${subject}: class "a" (and 1 more) is none of the 3 classes of the model`,
  );
  assertThrows(
    () => mapClasses(["a", "b"], { classes: 3 }, { subject, isOrdered }),
    TypeError,
    `${subject}: it has 2 classes and the model 3, without names to find them by`,
  );
});
