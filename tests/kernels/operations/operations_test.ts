import { assertEquals } from "@std/assert";
import { type Operation, OPERATIONS } from "../../../kernels/operations/mod.ts";
import { targets, testDevice } from "../tensors.ts";
import { checkDifferences, checkKernels, missingCases, type OperationCase } from "./check.ts";

const TYPES = Object.keys(OPERATIONS) as Operation["type"][];

/** The cases of an operation, in the folder that has its name. */
async function casesOf(type: Operation["type"]): Promise<readonly OperationCase[]> {
  const folder = type.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const file = new URL(`${folder}/cases.ts`, import.meta.url);
  try {
    await Deno.stat(file);
  } catch {
    return [];
  }
  return (await import(file.href)).cases;
}

for (const type of TYPES) {
  const cases = await casesOf(type);

  Deno.test(`${type} has cases of all that the tests of operations ask for, in cases.ts of its folder`, () => {
    assertEquals(missingCases(type, cases), []);
    assertEquals(OPERATIONS[type].type, type);
  });

  for (const tested of cases) {
    Deno.test(`${type} computes and differentiates ${tested.what} as its reference, in every variant`, async () => {
      const device = await testDevice();
      for (const target of targets(device)) await checkKernels(device, tested, target);
    });

    // Of several operations the gradient is made of theirs.
    if (tested.operations.length > 1) continue;
    Deno.test(`the gradients of ${type}'s reference agree with finite differences for ${tested.what}`, () => {
      checkDifferences(tested);
    });
  }
}

Deno.test("missingCases() names what was forgotten of a new operation", () => {
  assertEquals(missingCases("pool", []), [
    "There is no case of the operation alone",
    "There is no case of one image",
    "There is no case of several images",
    "There is no case whose channels are no multiple of 4",
    "There is no case of prime height and width",
    "There is no case of one position",
  ]);
});
