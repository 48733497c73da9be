/** What timm computes stands in `fixtures/formula_networks.tsv`, whose columns `formula_networks.py` explains. */

import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { assertClose } from "../compare.ts";
import { runHead } from "../engine/run_head.ts";
import { testDevice } from "../tensors.ts";
import { classes, formulaMembers } from "./formula_members.ts";
import { formulaImage, formulaParameters } from "./formula_parameters.ts";

const lines = Deno.readTextFileSync(new URL("fixtures/formula_networks.tsv", import.meta.url)).trimEnd().split("\n");

for (const line of lines) {
  const [name, size, mapError, logitsError, mapSize, logits, labelMap] = line.split("\t");
  Deno.test(`${name} gives the label map and the logits of timm for an image of ${size}`, async () => {
    const device = await testDevice();
    const [height, width] = size.split("x").map(Number) as [number, number];
    const network = Object.hasOwn(formulaMembers, name)
      ? formulaMembers[name]
      : buildNetwork(name, { classes, size: [height, width] });
    const parameters = formulaParameters(network);
    const heads = {
      dense: { shape: [1, ...mapSize.split("x").map(Number), classes], expected: labelMap, timm: mapError },
      pooled: { shape: [1, 1, 1, classes], expected: logits, timm: logitsError },
    };
    for (const head of ["dense", "pooled"] as const) {
      const { shape, timm } = heads[head];
      const expected = heads[head].expected.split(" ").map(Number);
      const options = { head, profile: "software", storage: "f32", shape } as const;
      const actual = await runHead(device, network, parameters, formulaImage(height, width), options);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(actual, expected, {
        // The engine's sums are float32 in another order: three times what PyTorch's are off by was seen.
        absolute: Math.max(4 * Number(timm), 4e-6) * largest,
        relative: 0,
        shape,
        name: `${name} ${size} ${head}`,
      });
    }
  });
}
