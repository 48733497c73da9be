import { assertEquals } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** Files of a room with what each imports, both under the root. */
async function imports(room: string): Promise<[file: string, imported: string][]> {
  const found: [string, string][] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, room))) {
    const path = `${room}/${name}`;
    if (isDirectory) found.push(...await imports(path));
    else if (name.endsWith(".ts")) {
      const text = await Deno.readTextFile(join(ROOT, path));
      for (const [, target] of text.matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)";$/gm)) {
        found.push([path, relative(ROOT, join(ROOT, room, target))]);
      }
    }
  }
  return found;
}

Deno.test("kernels import of formats its ground room alone, formats nothing of kernels, neither the pipeline", async () => {
  const rooms = { kernels: ["kernels/", "formats/base/"], formats: ["formats/"], "formats/base": ["formats/base/"] };
  for (const [room, allowed] of Object.entries(rooms)) {
    const all = await imports(room);
    assertEquals(all.filter(([, imported]) => !allowed.some((start) => imported.startsWith(start))), [], room);
  }
  assertEquals((await imports("kernels")).length > 100, true);
});
