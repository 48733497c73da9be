import { assert, assertEquals } from "@std/assert";

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
