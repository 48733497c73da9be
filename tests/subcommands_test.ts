import { assertArrayIncludes, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import project from "../deno.json" with { type: "json" };
import { SUBCOMMANDS } from "../pipeline/command/called_as.ts";
import { permissionsOf, ROOT, type TaskOutput } from "./pipeline/task.ts";

/** Runs `relabel` from a folder of its own, to its end. */
async function relabel(args: readonly string[], env: Record<string, string> = {}): Promise<TaskOutput> {
  const cwd = await Deno.makeTempDir();
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-P", join(ROOT, "relabel.ts"), ...args],
    cwd,
    env,
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("every task that users start is a subcommand of relabel", () => {
  const tasks = Object.entries(project.tasks).filter(([, line]) => / pipeline\/\w+\/main\.ts$/.test(line));
  assertEquals(Object.values<string>(SUBCOMMANDS).sort(), tasks.map(([task]) => task).sort());
});

Deno.test("relabel --help lists its subcommands, and each tells about itself by the name that it was called by", async () => {
  const { code, out } = await relabel(["--help"]);
  assertEquals(code, 0);
  assertEquals([...out.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name]) => name), Object.keys(SUBCOMMANDS));
  for (const args of [["label", "--help"], ["help", "label"]]) {
    const { code, out } = await relabel(args);
    assertEquals(code, 0);
    assertMatch(out, /^Usage: relabel label \[IMAGES\]/m);
    assertMatch(out, /^ {2}relabel label assets\/photos --top-k 3/m);
    assertEquals(out.match(/deno task/), null);
  }
  assertMatch((await relabel(["--version"])).out, /^relabel \d+\.\d+\.\d+ \(Deno /);
});

Deno.test("relabel names the nearest subcommand, and hints name commands as they were started", async () => {
  const mistyped = await relabel(["qury"]);
  assertEquals([mistyped.code, mistyped.out], [2, ""]);
  assertMatch(
    mistyped.error,
    /^Unknown command "qury", did you mean query\? Known are label, .*: see relabel --help\n$/,
  );
  const unknown = await relabel(["query", "--formt", "csv"]);
  assertEquals([unknown.code, unknown.out], [2, ""]);
  assertEquals(unknown.error, "Unknown option --formt, did you mean --format? see relabel query --help\n");
  const elsewhere = await relabel(["query", "--formt", "csv"], { RELABEL_COMMAND: "npx relabel" });
  assertStringIncludes(elsewhere.error, "see npx relabel query --help");
});

Deno.test("relabel says that it does not run from an address on the network", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    const body = await Deno.readFile(join(ROOT, new URL(url).pathname));
    return new Response(body, {
      headers: { "content-type": url.endsWith(".json") ? "application/json" : "text/typescript" },
    });
  });
  const address = `http://127.0.0.1:${server.addr.port}/relabel.ts`;
  const args = [
    "run",
    "-q",
    "--no-check",
    "--no-lock",
    "--allow-import",
    "--config",
    join(ROOT, "deno.json"),
    address,
    "label",
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  await server.shutdown();
  assertEquals(code, 1);
  assertEquals(
    new TextDecoder().decode(stderr),
    `Cannot run ${address}: its annotator, its page and its threads are files beside it; install relabel from a folder, an ` +
      "unpacked archive or npm's package\n",
  );
});

Deno.test("relabel may do what its subcommands may, and hear what it is called, by deno.json's default permissions", () => {
  const { default: all, ...others } = project.permissions;
  const used = new Set(Object.values(SUBCOMMANDS).map((task) => permissionsOf(task)));
  assertEquals(used, new Set(Object.values(others)));
  for (const set of used) {
    for (const [name, allowed] of Object.entries(set ?? {})) {
      const known = all[name as keyof typeof all];
      if (known !== true) assertArrayIncludes(known as string[], allowed, name);
    }
  }
  const known = [...used].flatMap((set) => set?.env ?? []);
  assertEquals(new Set(all.env), new Set(["RELABEL_COMMAND", ...known]));
});
