import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import project from "../deno.json" with { type: "json" };
import { type Subcommand, SUBCOMMANDS } from "../pipeline/command/called_as.ts";
import { COMMON_OPTIONS, UsageError } from "../pipeline/command/command_line.ts";
import type { Option } from "../pipeline/command/option_kinds.ts";
import { type Command, optionName } from "../pipeline/command/option_table.ts";
import { REPORTS } from "../pipeline/query/reports.ts";
import { commandLines, wordsOf } from "./document_blocks.ts";
import { permissionsOf, ROOT } from "./pipeline/task.ts";

const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));

/** Markdown that is read by people, by path. */
const DOCUMENTS = [".", "docs", "bench"].flatMap((folder) =>
  [...Deno.readDirSync(join(ROOT, folder))].filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => [join(folder, name), read(join(folder, name))] as const)
);

/** Tasks that users start, and the folder of each in pipeline. */
const TASKS = Object.entries(project.tasks).flatMap(([task, line]) => {
  const room = / pipeline\/(\w+)\/main\.ts$/.exec(line)?.[1];
  return room === undefined ? [] : [[task, room] as const];
});

/** What the files of options state, by name. */
const COMMANDS: ReadonlyMap<string, Command<unknown>> = new Map(
  (await Promise.all(TASKS.map(async ([, room]) => {
    const stated: Record<string, unknown> = await import(`../pipeline/${room}/options.ts`);
    const isCommand = (value: unknown): value is Command<unknown> => Object.hasOwn(Object(value), "usage");
    return Object.values(stated).filter(isCommand).map((command) => [command.name, command] as const);
  }))).flat(),
);

/** The options of a command by name, without words. */
function named({ options }: Command<unknown>): [name: string, option: Option][] {
  return Object.entries(options).filter(([, { isWord }]) => !isWord)
    .map(([property, option]) => [optionName(property, option), option]);
}

/** The names of those that its help has. */
function shownNames(command: Command<unknown>): string[] {
  return [...Object.keys(COMMON_OPTIONS), ...named(command).flatMap(([name, { isHidden }]) => isHidden ? [] : [name])];
}

/** Names of options of tasks that only contributors start. */
const OTHERS = ["bench", "bench/race", "tests/fuzz", "tests/faults"].flatMap((folder) =>
  [...Deno.readDirSync(join(ROOT, folder))].filter(({ name }) => name.endsWith(".ts"))
    .flatMap(({ name }) => [...read(`${folder}/${name}`).matchAll(/^ {2,4}(\w+): (?:\w+\(|\{ \.\.\.)/gm)])
    .map(([, property]) => optionName(property))
).concat("format");

/** Options of other programs: Deno's, Slurm's, MPI's and Docker's. */
const FOREIGN =
  /^(allow-.*|array|cpus-per-task|gpus-per-task|gres|mpi|mca|gpus|volume|requeue|job-name|nodes|ntasks-per-node|time|signal|output|open-mode|kill-on-bad-exit|partition|constraint|noheader|me|cwd|trace-leaks|no-prompt|config|coverage|filter|doc|lint|force|global|root|dry-run|allow-dirty)$/;

/** The task of a subcommand of `relabel`. */
function taskOf(subcommand: string): string {
  return Object.hasOwn(SUBCOMMANDS, subcommand) ? SUBCOMMANDS[subcommand as Subcommand] : subcommand;
}

/** Why a command line cannot be what it is shown for; undefined if it can. */
function wrongUse(line: string): string | undefined {
  const words = wordsOf(line);
  if (words[0] === "relabel" && words[1].startsWith("-")) return;
  const [task, ...args] = words[0] === "deno" ? words.slice(2) : [taskOf(words[1]), ...words.slice(2)];
  if (!(task in project.tasks)) return `${line}: there is no task ${task}`;
  const [name, rest] = COMMANDS.has(`${task} ${args[0]}`) ? [`${task} ${args[0]}`, args.slice(1)] : [task, args];
  const command = COMMANDS.get(name);
  if (command === undefined) return;
  const hidden = named(command).find(([name, { isHidden }]) => isHidden && rest.includes(`--${name}`));
  if (hidden) return `${line}: --${hidden[0]} is not in the help`;
  try {
    command.read(rest);
  } catch (error) {
    // Files that are only named are not there.
    if (error instanceof UsageError) return `${line}: ${error.message}`;
  }
}

Deno.test("every task that users start has its command, with its name, in the options.ts of its room", () => {
  assert(TASKS.length > 10);
  assertEquals(
    [...new Set([...COMMANDS.keys()].map((name) => name.split(" ")[0]))].sort(),
    TASKS.map(([task]) => task).sort(),
  );
});

Deno.test("a help has every option of its command once, with its default, in lines that fit", () => {
  for (const command of COMMANDS.values()) {
    for (const [name, { isHidden, kind, default: value }] of named(command)) {
      const texts = command.help.match(new RegExp(`^  --${name} .*$(?:\\n {6}.*$)*`, "gm")) ?? [];
      assertEquals(texts.length, isHidden ? 0 : 1, `${command.name} --${name}`);
      const hasDefault = value !== undefined && kind !== "flag";
      if (hasDefault && !isHidden) assert(/default/i.test(texts.join()), `${command.name} --${name}`);
    }
    assertEquals(command.help.split("\n").filter((line) => line.length > 126), [], command.name);
    assertEquals(command.help.includes("{default}"), false, command.name);
  }
});

Deno.test("an option of one name is read by one grammar in all commands", () => {
  const kinds = new Map<string, Map<string, string[]>>();
  for (const command of COMMANDS.values()) {
    for (const [name, { kind, isHidden }] of named(command)) {
      if (isHidden) continue;
      const ofName = kinds.get(name) ?? new Map<string, string[]>();
      ofName.set(kind, [...ofName.get(kind) ?? [], command.name]);
      kinds.set(name, ofName);
    }
  }
  // What convert makes, and where publish sends it: the hub's own words for either.
  assertEquals([...kinds].filter(([name, ofName]) => ofName.size > 1 && name !== "to"), []);
});

Deno.test("the examples of a help are commands, as its command reads them", () => {
  const examples = [...COMMANDS.values()].flatMap(({ examples }) => examples);
  assert(examples.length > 30);
  const lines = examples.flatMap((example) => commandLines(example));
  assertEquals(lines.length, examples.length);
  assertEquals(lines.map(wrongUse).filter((reason) => reason !== undefined), []);
});

Deno.test("every command that a document shows in a block is one, with options that it has", () => {
  const lines = DOCUMENTS.flatMap(([path, text]) => commandLines(text).map((line) => [path, line]));
  assert(lines.length > 40);
  assertEquals(lines.map(([path, line]) => [path, wrongUse(line)]).filter(([, reason]) => reason !== undefined), []);
});

/** The rows of docs/paper.md: section, table or figure; what it is; command; recipe; finding. */
const PAPER_ROWS = [...read("docs/paper.md").matchAll(/^\| paper \|.*\n\|[- |]+\n((?:\|.*\n)+)/gm)]
  .flatMap(([, rows]) => rows.trim().split("\n"))
  .map((row) => row.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|")));

Deno.test("the page of the paper names for each row commands that are ones, and recipes that are there", () => {
  assert(PAPER_ROWS.length > 20);
  const wrong = PAPER_ROWS.flatMap(([place, , command, recipe, found, ...more]) => {
    const lines = [...`${command} ${found}`.matchAll(/`(deno task [^`]+)`/g)].map(([, line]) => line);
    const recipes = [...recipe.matchAll(/`([^`]+)`/g)].map(([, path]) => path);
    return [
      ...(found && more.length === 0 ? [] : ["has other columns"]),
      ...(lines.length > 0 || command === "not yet" ? [] : ["has no command"]),
      ...(recipes.length > 0 || ["none", "not yet"].includes(recipe) ? [] : [`has the recipe ${recipe}`]),
      ...recipes.filter((path) => !path.startsWith("recipes/") || !isThere(join(ROOT, path))),
      ...lines.map(wrongUse).filter((reason) => reason !== undefined),
    ].map((reason) => `${place}: ${reason}`);
  });
  assertEquals(wrong, []);
});

Deno.test("every command that a program tells to start next is one, with options that it has", () => {
  const sources = (folder: string): string[] =>
    [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? sources(`${folder}/${name}`) : /\.tsx?$/.test(name) ? [`${folder}/${name}`] : []
    );
  const lines = sources("pipeline").flatMap((path) =>
    [...read(path).matchAll(/"\s*(deno task [\w:]+[^"$\\]*)"(?! \+)/g)].map(([, line]) => [path, line])
  );
  assert(lines.length > 30);
  assertEquals(lines.map(([path, line]) => [path, wrongUse(line)]).filter(([, reason]) => reason !== undefined), []);
});

Deno.test("every option that a document names in its text is one, of the command that it is named with", () => {
  const known = new Set([...[...COMMANDS.values()].flatMap(shownNames), ...OTHERS]);
  const wrong: string[] = [];
  let count = 0;
  for (const [path, text] of DOCUMENTS) {
    const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "");
    for (const [, span] of prose.matchAll(/`([^`\n]*--[a-z][^`]*)`/g)) {
      const task = /^deno task ([\w:]+(?: (?:slurm|join|status))?)/.exec(span)?.[1];
      const command = task === undefined ? undefined : COMMANDS.get(task);
      const names = command ? new Set(shownNames(command)) : known;
      for (const [, name] of span.matchAll(/(?<!\S)--([a-z][\w-]*)/g)) {
        count++;
        if (!names.has(name) && (command || !FOREIGN.test(name))) wrong.push(`${path}: --${name} in \`${span}\``);
      }
    }
  }
  assert(count > 60);
  assertEquals(wrong, []);
});

Deno.test("the README's table shows each command as its help says that it is used", () => {
  const shown = [...read("README.md").matchAll(/^\| `deno task ((?:[^`|]|\\\|)+)` +\|/gm)]
    .map(([, use]) => use.replaceAll("\\|", "|"));
  const plain = (use: string) => use.replace(/ \[?(?:options\]|--.*)$/, "");
  for (const [task] of TASKS) {
    const ways = [...COMMANDS.values()].filter(({ name }) => name === task).flatMap(({ usage }) => usage);
    const parts = [...COMMANDS.keys()].filter((name) => name.startsWith(`${task} `)).map((name) => name.split(" ")[1]);
    const expected = ways.length > 0 ? ways.map(plain) : [`${task} ${parts.sort().join("|")}`];
    const found = shown.map(plain).map((use) => use.replace(/\S+\|\S+/, (words) => words.split("|").sort().join("|")))
      .filter((use) => use.split(" ")[0] === task);
    assert(found.length === 1 && expected.includes(found[0]), `${task}: ${found} is shown, its help has ${expected}`);
  }
});

Deno.test("the page of questions names every report of deno task query", () => {
  const named = [...read("docs/querying.md").matchAll(/^\| `([a-z-]+)(?: N)?` /gm)].map(([, name]) => name)
    .filter((name) => name !== "score");
  assertEquals(named.sort(), Object.keys(REPORTS).sort());
});

Deno.test("the page of permissions names every task that has a network, and no other", () => {
  const users = [...read("README.md").matchAll(/^\| `deno task (\w+)/gm)].map(([, task]) =>
    task as Parameters<typeof permissionsOf>[0]
  );
  const connected = users.filter((task) => permissionsOf(task)?.net);
  const named = [...read("docs/permissions.md").matchAll(/`(\w+)`/g)].map(([, word]) => word);
  assertEquals(users.filter((task) => named.includes(task)).sort(), connected.sort());
});

/** Whether there is a file or folder. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the files that documents name and link to are there", () => {
  const missing = DOCUMENTS.flatMap(([document, text]) => {
    const linked = Array.from(text.matchAll(/\]\((?!https?:|#)([^)#]+)/g), ([, path]) => join(dirname(document), path));
    const named = Array.from(
      text.matchAll(/`((?:docs|formats|kernels|pipeline|recipes|tests)\/[\w/.]+\.\w+)`/g),
      ([, path]) => path,
    );
    return [...linked, ...named].filter((path) => !isThere(join(ROOT, path))).map((path) => `${document}: ${path}`);
  });
  assertEquals(missing, []);
});

/** The anchors of a document's headings, as forges make them. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, words]) => words.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")),
  );
}

Deno.test("the headings that documents link to are there", () => {
  const links = DOCUMENTS.flatMap(([document, text]) =>
    Array.from(text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g), ([, path, anchor]) => ({ document, path, anchor }))
  );
  assert(links.length > 10);
  const wrong = links.filter(({ document, path, anchor }) => {
    const target = path === "" ? document : join(dirname(document), path);
    return !anchorsOf(read(target)).has(anchor);
  });
  assertEquals(wrong, []);
});

Deno.test("the README is short, and the list of documents has every page", () => {
  assert(new TextEncoder().encode(read("README.md")).length <= 10_000);
  const listed = new Set(Array.from(read("docs/README.md").matchAll(/\]\((\w+\.md)\)/g), ([, name]) => name));
  const pages = DOCUMENTS.map(([path]) => path).filter((path) => path.startsWith("docs/")).map((path) => path.slice(5));
  assertEquals([...listed].sort(), pages.filter((name) => name !== "README.md").sort());
});
