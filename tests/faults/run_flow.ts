/**
 * Runs a flow as a process of its own, which can be killed: `run_flow.ts FLOW INPUT OUTPUT`.
 *
 * @module
 */

import { flows } from "./flows.ts";

if (import.meta.main) {
  const [name, input, output] = Deno.args;
  try {
    await flows[name].run(input, output);
    Deno.exit(0);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
