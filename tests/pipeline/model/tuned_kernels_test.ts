import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { takeLock } from "../../../formats/base/lock.ts";
import { keepChoices, readChoices, tunedFor, tunedPath } from "../../../pipeline/model/tuned_kernels.ts";

const ADAPTER = { adapter: "Some adapter" };

function place(): string {
  const cache = Deno.makeTempDirSync();
  return tunedPath(ADAPTER, (name) => ({ XDG_CACHE_HOME: cache })[name])!;
}

const CHOICES = new Map([["a layer", "a kernel"], ["another", "a kernel"]]);

Deno.test("tunedPath() is in the user's cache, a file for each adapter", () => {
  const path = (variables: Record<string, string>) => tunedPath(ADAPTER, (name) => variables[name]);
  assertEquals(dirname(path({ XDG_CACHE_HOME: "/x", HOME: "/home/a" })!), join("/x", "relabel"));
  assertEquals(dirname(path({ HOME: "/home/a" })!), join("/home/a", ".cache", "relabel"));
  assertEquals(dirname(path({ USERPROFILE: "/users/a" })!), join("/users/a", ".cache", "relabel"));
  assertEquals(path({}), undefined);
  const other = tunedPath({ adapter: "Another" }, () => "/x");
  assertEquals(other === tunedPath(ADAPTER, () => "/x"), false);
});

Deno.test("readChoices() gives what keepChoices() kept, and what another process kept besides", () => {
  const path = place();
  assertEquals(readChoices(path, ADAPTER), { choices: new Map() });
  assertEquals(keepChoices(path, tunedFor(ADAPTER), CHOICES), undefined);
  assertEquals(keepChoices(path, tunedFor(ADAPTER), new Map([["another", "faster"], ["third", "k"]])), undefined);
  const all = new Map([["a layer", "a kernel"], ["another", "faster"], ["third", "k"]]);
  assertEquals(readChoices(path, ADAPTER), { choices: all });
  assertEquals([...Deno.readDirSync(dirname(path))].length, 1);
});

Deno.test("readChoices() passes over a file that is damaged or of another version, adapter or driver, and says so; it is made anew", () => {
  const path = place();
  keepChoices(path, tunedFor(ADAPTER), CHOICES);
  const whole = Deno.readTextFileSync(path);
  const file = JSON.parse(whole);
  const cases: [content: string, problem: RegExp][] = [
    [whole.slice(0, 40), /: it is damaged$/],
    ["null", /: it is damaged$/],
    ["[]", /: it is damaged$/],
    [JSON.stringify({ ...file, choices: { a: 1 } }), /: it is damaged$/],
    [JSON.stringify({ ...file, choices: [] }), /: it is damaged$/],
    [JSON.stringify({ ...file, engine: "relabel 0.0.1" }), /: it is of engine relabel 0\.0\.1, this is relabel /],
    [JSON.stringify({ ...file, adapter: "Another" }), /: it is of adapter Another, this is Some adapter$/],
    [JSON.stringify({ ...file, driver: "7" }), /: it is of driver 7, this is unknown$/],
  ];
  for (const [content, expected] of cases) {
    Deno.writeTextFileSync(path, content);
    const { choices, problem } = readChoices(path, ADAPTER);
    assertEquals(choices.size, 0, content);
    assertMatch(problem ?? "", expected);
    assertEquals(keepChoices(path, tunedFor(ADAPTER), CHOICES), undefined);
    assertEquals(readChoices(path, ADAPTER), { choices: CHOICES });
  }
});

Deno.test("keepChoices() says in a sentence why it cannot keep them", () => {
  const path = join(Deno.makeTempFileSync(), "relabel", "tuned.json");
  assertMatch(keepChoices(path, tunedFor(ADAPTER), CHOICES) ?? "", /^Cannot keep tuned kernels in /);
});

Deno.test("keepChoices() of two processes at once keeps what both measured, and leaves the file alone", async () => {
  const path = place();
  const module = new URL("../../../pipeline/model/tuned_kernels.ts", import.meta.url).href;
  const layers = Array.from({ length: 20 }, (_, index) => `layer ${index}`);
  const program = (name: string) =>
    `import { keepChoices, tunedFor } from ${JSON.stringify(module)};
    const tuned = tunedFor(${JSON.stringify(ADAPTER)});
    for (const layer of ${JSON.stringify(layers)}) {
      const problem = keepChoices(${JSON.stringify(path)}, tuned, new Map([["${name} " + layer, layer]]));
      if (problem !== undefined) throw new Error(problem);
    }`;
  const names = ["one", "other"];
  const ended = await Promise.all(names.map((name) => {
    const args = [
      "eval",
      "--quiet",
      "--no-check",
      `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
    ];
    return new Deno.Command(Deno.execPath(), { args: [...args, program(name)] }).output();
  }));
  for (const { success, stderr } of ended) assert(success, new TextDecoder().decode(stderr));
  const expected = names.flatMap((name) => layers.map((layer) => [`${name} ${layer}`, layer] as const));
  assertEquals(readChoices(path, ADAPTER), { choices: new Map(expected.toSorted(([a], [b]) => a < b ? -1 : 1)) });
  assertEquals([...Deno.readDirSync(dirname(path))].length, 1);
});

Deno.test("keepChoices() says that another process writes where one does for long", () => {
  const path = place();
  Deno.mkdirSync(dirname(path), { recursive: true });
  using _held = takeLock(`${path}.lock`, "Cannot hold");
  assertMatch(keepChoices(path, tunedFor(ADAPTER), CHOICES) ?? "", /: another process is writing there$/);
  assertEquals(readChoices(path, ADAPTER), { choices: new Map() });
});
