import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

for (
  const folder of [
    "",
    "bench/libraries/",
    "bench/race/",
    "pipeline/explore/page/",
    "tests/browser/",
    "tests/portable/",
    "tests/portable/types/",
    "tests/readers/",
  ]
) {
  Deno.test(`${folder}deno.lock pins every dependency by hash, and holds no addresses`, () => {
    const read = (name: string) => Deno.readTextFileSync(new URL(`../${folder}${name}`, import.meta.url));
    const text = read("deno.lock");
    assertEquals(text.match(/\w+:\/\/[^"]*/g), null);
    const lock: { npm: Record<string, { integrity: string }> } = JSON.parse(text);
    for (const [name, { integrity }] of Object.entries(lock.npm)) {
      assert(/^sha512-/.test(integrity), `${name} has integrity ${integrity}`);
    }
    const imports: Record<string, string> = JSON.parse(read("deno.json")).imports;
    const wanted = Object.values(imports).map((address) => /^npm:(@?[^@]+@[^/]+)/.exec(address)?.[1]);
    const pinned = Object.keys(lock.npm).map((name) => name.split("_")[0]);
    assertEquals(wanted.filter((name) => !name || !pinned.includes(name)), []);
  });
}

/** The text of all product code. */
function productCode(): string {
  const root = new URL("..", import.meta.url).pathname;
  const read = (path: string): string[] =>
    [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => {
      if (isDirectory) return read(join(path, name));
      return name.endsWith(".ts") ? Deno.readTextFileSync(join(path, name)) : [];
    });
  return ["formats", "kernels", "pipeline"].flatMap((room) => read(join(root, room))).join("\n");
}

Deno.test("deno.json imports no package but those that users need, since Deno downloads all that a lock lists", () => {
  const read = (name: string) => JSON.parse(Deno.readTextFileSync(new URL(`../${name}`, import.meta.url)));
  const packageOf = (address: string) => /^npm:(@?[^@]+)@/.exec(address)![1];
  const packages = Map.groupBy(Object.entries<string>(read("deno.json").imports), ([, address]) => packageOf(address));
  const code = productCode();
  const isUsed = (name: string) => new RegExp(`(from|import) ?\\(?"${name}(/[^"]*)?"`).test(code);
  const unused = [...packages].filter(([, entries]) => !entries.some(([name]) => isUsed(name)));
  assertEquals(unused.map(([name]) => name), []);
  assertEquals(Object.keys(read("deno.lock").specifiers).map(packageOf).sort(), [...packages.keys()].sort());
});
