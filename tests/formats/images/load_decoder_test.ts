import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../pipeline/task.ts";

const FOLDERS = ["decode", "kinds/read", "kinds/near", "kinds/refused"].map((name) => `tests/fixtures/images/${name}`);

/** What `decode_files.ts` prints. */
async function decodeFiles(...permissions: string[]): Promise<{ build: string; found: Record<string, string> }> {
  const program = "tests/formats/images/decode_files.ts";
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", ...permissions, program, "assets/photos/single", ...FOLDERS],
    cwd: ROOT,
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("loadDecoder() takes WebAssembly where no native library may be loaded: equal pixels and reasons", async () => {
  const [native, webAssembly] = [await decodeFiles("--allow-ffi"), await decodeFiles()];
  assertEquals([native.build, webAssembly.build], ["native", "WebAssembly"]);
  assertEquals(webAssembly.found, native.found);
  const decoded = Object.values(native.found).filter((found) => /^\d+ x \d+ [\da-f]{64}$/.test(found));
  assert(decoded.length > 300, `${decoded.length} files were decoded`);
  assertEquals(Object.values(native.found).filter((found) => found.includes("in a worker")), []);
});
