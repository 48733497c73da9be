import { assertEquals, assertMatch } from "@std/assert";
import project from "../deno.json" with { type: "json" };

const text = (path: string) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));

Deno.test("a contributor's check and that of a bare machine are the same, and the workflow runs it", () => {
  const { ok } = project.tasks;
  const checks = [...text(".ci/run").matchAll(/^ *(?:check|tests \d+|record \d+ "\$beside") (deno .+?)(?: >.*)?$/gm)]
    .map(([, command]) => command);
  assertEquals(ok.split(" && ").filter((command) => !checks.includes(command)), []);
  assertEquals(checks.filter((command) => !ok.split(" && ").includes(command)), [
    "deno task portable:swiftshader",
    "deno task browser",
    "deno task portable:chromium",
    "deno task portable:naga",
  ]);
  assertMatch(text(".github/workflows/ci.yml"), /^ +- run: \.ci\/run$/m);
});

Deno.test("the workflow pins the actions of others to a commit", () => {
  const actions = [...text(".github/workflows/ci.yml").matchAll(/uses: (.+)/g)].map(([, action]) => action);
  assertEquals(actions.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v[\d.]+$/.test(action)), []);
});

Deno.test("the task for coverage runs what the task for tests runs", () => {
  const { test, coverage } = project.tasks;
  const [tests] = coverage.split(" && ");
  const extra = "DENO_COVERAGE_DIR=$PWD/coverage deno test --no-check --clean --coverage-raw-data-only";
  assertEquals(tests.replace(extra, "deno test --no-check"), test);
});
