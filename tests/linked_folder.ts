/**
 * Programs outside of the project's folder.
 *
 * @module
 */

import { join } from "@std/path";
import { ROOT } from "./pipeline/task.ts";

/** A new folder with the `deno.json` that docs/programs.md shows, which says where the project is. */
export function linkedFolder(): string {
  const [, shown] = Deno.readTextFileSync(join(ROOT, "docs/programs.md")).match(/^```json\n([\s\S]*?)^```$/m)!;
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "deno.json"), shown.replace("../relabel", ROOT));
  return folder;
}
