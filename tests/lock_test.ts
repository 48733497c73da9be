import { assert, assertEquals } from "@std/assert";
import project from "../deno.json" with { type: "json" };

Deno.test("deno.lock pins every dependency by hash, and holds no addresses", () => {
  const text = Deno.readTextFileSync(new URL("../deno.lock", import.meta.url));
  assertEquals(text.match(/\w+:\/\/[^"]*/g), null);
  const lock: { npm: Record<string, { integrity: string }> } = JSON.parse(text);
  for (const [name, { integrity }] of Object.entries(lock.npm)) {
    assert(/^sha512-/.test(integrity), `${name} has integrity ${integrity}`);
  }
  const wanted = Object.values(project.imports).map((address) => /^npm:(@?[^@]+@[^/]+)/.exec(address)?.[1]);
  const pinned = Object.keys(lock.npm).map((name) => name.split("_")[0]);
  assertEquals(wanted.filter((name) => !name || !pinned.includes(name)), []);
});
