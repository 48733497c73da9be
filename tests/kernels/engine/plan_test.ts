import { assert } from "@std/assert";
import { DEFAULT_MIXING } from "../../../kernels/networks/vision_transformer.ts";
import { assertClose, relativeError } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { buildTransformer, readTransformer, SIZES, TRANSFORMERS } from "../networks/transformer_networks.ts";
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

for (const name of TRANSFORMERS) {
  Deno.test(`createPlan() computes label map and logits of ${name} as timm, in every variant`, async () => {
    const device = await testDevice();
    const network = buildTransformer(name);
    const { parameters, input, dense, pooled } = await readTransformer(name, SIZES[0]);
    const cells = dense[DEFAULT_MIXING] ?? dense.attention!;
    const expected = { dense: cells.single, pooled: pooled.single };
    const exact = { dense: cells.exact.data, pooled: pooled.exact.data };
    for (const target of targets(device)) {
      /** Errors relative to float64, ours and timm's. */
      const [own, timm]: number[][] = [[], []];
      for (const head of ["dense", "pooled"] as const) {
        const { data } = expected[head];
        const shape = head === "dense" ? expected.dense.shape : [pooled.single.shape[0], 1, 1, pooled.single.shape[1]];
        const actual = await runHead(device, network, parameters, input, { head, ...target, shape });
        const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        assertClose(actual, data, {
          absolute: (target.storage === "f16" ? 2e-2 : 1e-4) * largest,
          relative: 0,
          shape,
          name: `${name} ${head} ${target.profile} ${target.storage}`,
        });
        own.push(relativeError(actual, exact[head]));
        timm.push(relativeError(data, exact[head]));
      }
      if (target.storage === "f16") continue;
      const ratio = Math.hypot(...own) / Math.hypot(...timm);
      assert(ratio <= 2, `${name} ${target.profile} is ${ratio} times as far from float64 as timm`);
    }
  });
}
