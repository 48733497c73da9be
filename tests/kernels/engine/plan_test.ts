import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { targets, testDevice } from "../tensors.ts";
import { runHead } from "./run_head.ts";

for (const name of Object.keys(fixtureNetworks)) {
  Deno.test(`createPlan() computes the label map of ${name} as PyTorch, in every variant`, async () => {
    const device = await testDevice();
    const network = fixtureNetworks[name as keyof typeof fixtureNetworks];
    const { parameters, input, labelMap } = await readFixture(name);
    for (const target of targets(device)) {
      const { shape } = labelMap;
      const actual = await runHead(device, network, parameters, input, { head: "dense", ...target, shape });
      const largest = labelMap.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(actual, labelMap.data, {
        absolute: (target.storage === "f16" ? 2e-2 : 1e-4) * largest,
        relative: 0,
        shape,
        name: `${name} ${target.profile} ${target.storage}`,
      });
    }
  });
}
