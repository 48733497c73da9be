import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../pipeline/task.ts";

Deno.test("bundling the explorer's page again gives the script and the style sheet that are in assets/explorer", async () => {
  const folder = await Deno.makeTempDir();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-run", "bundle.ts", folder],
    cwd: join(ROOT, "pipeline/explore/page"),
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  for (const file of ["page.css", "page.js"]) {
    const [again, committed] = [join(folder, file), join(ROOT, "assets/explorer", file)].map(Deno.readTextFileSync);
    assertEquals(again === committed, true, `${file} is out of date: run deno task --cwd pipeline/explore/page bundle`);
  }
  await Deno.remove(folder, { recursive: true });
});
