/**
 * Whether results are right: `deno task bench:accuracy`. Fails if one is past its limit.
 *
 * @module
 */

import { closeDevice } from "../kernels/engine/device.ts";
import { compareAnnotation } from "./accuracy/annotation.ts";
import { compareLabelPooling } from "./accuracy/label_pooling.ts";
import { compareNetworks } from "./accuracy/networks.ts";
import { compareResizing } from "./accuracy/resizing.ts";
import { openBenchDevice } from "./device.ts";
import { describeMachine } from "./machine.ts";
import { formatTable } from "./table.ts";

const device = await openBenchDevice();
console.log(`${describeMachine()}\n${device.capabilities.adapter}`);
let failed = 0;
for (const compare of [compareNetworks, compareResizing, compareLabelPooling, compareAnnotation]) {
  const { title, rows, failures } = await compare(device);
  console.log(`\n${title}\n${formatTable(rows)}`);
  for (const failure of failures) console.log(`  Past the limit: ${failure}`);
  failed += failures.length;
}
closeDevice(device);
console.log(failed === 0 ? "\nAll within their limits" : `\n${failed} past their limits`);
if (failed > 0) Deno.exit(1);
