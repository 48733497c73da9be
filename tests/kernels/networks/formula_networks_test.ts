/** What timm computes stands in `fixtures/formula_networks.tsv`, whose columns `formula_networks.py` explains. */

import { assert } from "@std/assert";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { runHead } from "../engine/run_head.ts";
import { relativeError } from "../compare.ts";
import { testDevice } from "../tensors.ts";
import { classes, formulaMembers } from "./formula_members.ts";
import { formulaImage, formulaParameters } from "./formula_parameters.ts";

const lines = Deno.readTextFileSync(new URL("fixtures/formula_networks.tsv", import.meta.url)).trimEnd().split("\n")
  .map((line) => line.split("\t"));

/** Where timm's own error is less than this, over the largest number, ours may be twice this. */
const ROUNDING = 2 ** -23;

for (const [name, images] of Map.groupBy(lines, ([name]) => name)) {
  const sizes = images.map(([, size]) => size);
  Deno.test(`${name} is as near as timm to float64, twice its error at most, in images of ${sizes.join(", ")}`, async () => {
    const device = await testDevice();
    /** Squares of the relative errors of label maps and logits, ours and timm's. */
    const [own, timm]: number[][] = [[], []];
    for (const [, size, mapError, logitsError, mapSize, logits, labelMap] of images) {
      const [height, width] = size.split("x").map(Number) as [number, number];
      const network = Object.hasOwn(formulaMembers, name)
        ? formulaMembers[name]
        : buildNetwork(name, { classes, size: [height, width] });
      const parameters = formulaParameters(network);
      const heads = [
        ["dense", [1, ...mapSize.split("x").map(Number), classes], labelMap, mapError],
        ["pooled", [1, 1, 1, classes], logits, logitsError],
      ] as const;
      for (const [head, shape, expected, error] of heads) {
        const options = { head, profile: "software", storage: "f32", shape } as const;
        const actual = await runHead(device, network, parameters, formulaImage(height, width), options);
        own.push(relativeError(actual, expected.split(" ").map(Number)));
        timm.push(Math.max(Number(error), ROUNDING));
      }
    }
    const ratio = Math.hypot(...own) / Math.hypot(...timm);
    assert(ratio <= 2, `${name} is ${ratio} times as far from float64 as timm`);
    assert(Math.max(...own) < 1e-4, `${name} is off by ${Math.max(...own)}`);
  });
}
