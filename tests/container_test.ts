import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parse } from "@std/yaml";
import { ROOT } from "./pipeline/task.ts";

const text = (path: string) => Deno.readTextFileSync(join(ROOT, path));

/** The instructions of the Dockerfile with what follows each; lines that go on are joined. */
const INSTRUCTIONS = text("Dockerfile").replaceAll(/ *\\\n\s*/g, " ").split("\n")
  .flatMap((line) => Array.from(line.matchAll(/^([A-Z]+) (.+)$/g), ([, name, rest]) => ({ name, rest })));

const of = (name: string) => INSTRUCTIONS.flatMap((instruction) => instruction.name === name ? [instruction.rest] : []);

/** What is copied into the image from here. */
const COPIED = of("COPY").filter((rest) => !rest.startsWith("--from=")).flatMap((rest) => rest.split(" ").slice(0, -1));

Deno.test("what the Dockerfile copies is there, and .dockerignore lets nothing else through", () => {
  assert(COPIED.length > 5);
  for (const path of COPIED) Deno.statSync(join(ROOT, path));
  const [first, ...kept] = text(".dockerignore").split("\n").filter((line) => line && !line.startsWith("#"));
  assertEquals([first, kept.sort()], ["*", COPIED.map((path) => `!${path}`).sort()]);
});

Deno.test("the image holds every module of relabel", async () => {
  const args = ["info", "--json", "relabel.ts"];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { specifier: string }[] };
  const files = modules.map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(`file://${ROOT}`)).map((specifier) => specifier.slice(7 + ROOT.length));
  assert(files.length > 300);
  assertEquals(files.filter((file) => !COPIED.some((path) => file === path || file.startsWith(`${path}/`))), []);
});

Deno.test("the image has the versions and drivers of the checks, a user who is not root, and relabel as its command", () => {
  const run = text(".ci/run");
  const [, version] = /^DENO=([\d.]+)$/m.exec(run)!;
  assertEquals(of("FROM"), [`denoland/deno:bin-${version} AS deno`, "debian:bookworm-slim"]);
  const [, packages] = /^install_packages (ca-certificates .*) chromium$/m.exec(run)!;
  const installed = /apt-get install --yes --no-install-recommends ([^&]+?) &&/.exec(of("RUN")[0])![1].split(" ");
  assertEquals(packages.split(" ").filter((name) => !installed.includes(name)), []);
  assertEquals([of("USER"), of("ENTRYPOINT"), of("VOLUME")], [["relabel"], ['["relabel"]'], ["/cache"]]);
  const variables = of("ENV").join(" ");
  for (const word of ["NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility", "XDG_CACHE_HOME=/cache"]) {
    assert(variables.split(" ").includes(word), variables);
  }
});

Deno.test("the workflow builds the wheel and the image as the checks and the documents do", () => {
  const { jobs } = parse(text(".github/workflows/ci.yml")) as {
    jobs: Record<string, { container?: string; steps: { run?: string }[] }>;
  };
  const lines = (job: string) => jobs[job].steps.flatMap(({ run }) => run ? [run] : []).join("\n");
  const [, build] = /\b(build==[\d.]+)/.exec(text(".ci/run"))!;
  assert(lines("wheel").includes(`pip install ${build}\n`), lines("wheel"));
  assertEquals(jobs.wheel.container, jobs.run.container);
  const [, command] = /^(docker build .+)$/m.exec(text("docs/installing.md"))!;
  assert(lines("image").startsWith(`${command}\n`), lines("image"));
});
