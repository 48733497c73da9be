/**
 * Downloads a model and prints the size of its weights: `download_program.ts ENDPOINT REFERENCE CACHE`.
 *
 * @module
 */

import { join } from "@std/path";
import { downloadFromHub } from "../../../../formats/weights/mod.ts";

const [endpoint, reference, cache] = Deno.args;
try {
  const { path } = await downloadFromHub(reference, { settings: { endpoint, cache, offline: false } });
  console.log((await Deno.stat(join(path, "model.safetensors"))).size);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
