import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import project from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("../", import.meta.url));

const FORMATS = [
  "base",
  "boxes",
  "columns",
  "evaluation",
  "images",
  "labels",
  "masks",
  "published",
  "tensorboard",
  "weights",
]
  .map((name) => `formats/${name}`);
const KERNELS = ["engine", "operations", "optimizers", "networks", "lowering", "programs"]
  .map((name) => `kernels/${name}`);
/** What commands stand on. */
const SHARED = ["command", "model", "label_folder", "pictures", "charts"].map((name) => `pipeline/${name}`);

/** The rooms of other commands that a command reads; commands that are not here read none. */
const READ_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  cluster: ["relabel"],
  explore: ["query"],
  figures: ["report", "training"],
  publish: ["figures", "query", "report", "training"],
  relabel: ["report"],
  report: ["query", "training"],
  reproduce: ["convert", "corrupt", "evaluation", "relabel", "scenes", "training", "transfer"],
  training: ["evaluation"],
  transfer: ["training"],
};

/** Every command's room, and the rooms of other commands that it reads. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.values(project.tasks).flatMap((task) => / pipeline\/(\w+)\/main\.ts$/.exec(task)?.[1] ?? [])
    .map((name) => [name, READ_COMMANDS[name] ?? []]),
);

/** Each room, and the rooms that it may read. */
const MAY_READ: Readonly<Record<string, readonly string[]>> = {
  "formats/base": [],
  "formats/boxes": ["formats/base", "formats/images"],
  "formats/columns": ["formats/base"],
  "formats/images": ["formats/base", "formats/columns", "formats/weights"],
  "formats/labels": ["formats/base", "formats/columns"],
  "formats/masks": ["formats/base"],
  "formats/weights": ["formats/base"],
  "formats/evaluation": ["formats/base"],
  "formats/tensorboard": ["formats/base"],
  "formats/published": ["formats/base", "formats/images", "formats/weights"],
  "kernels/engine": ["formats/base"],
  "kernels/operations": ["formats/base", "kernels/engine"],
  "kernels/optimizers": ["formats/base", "kernels/engine", "kernels/operations"],
  "kernels/networks": ["formats/base", "kernels/operations"],
  "kernels/lowering": KERNELS.slice(0, 4),
  "kernels/programs": ["formats/base", ...KERNELS.slice(0, 5)],
  "pipeline/command": FORMATS,
  "pipeline/model": [...FORMATS, ...KERNELS, ...SHARED.slice(0, 1)],
  "pipeline/label_folder": [...FORMATS, ...SHARED.slice(0, 1)],
  "pipeline/pictures": [...FORMATS, ...KERNELS],
  "pipeline/charts": [...FORMATS, ...KERNELS, "pipeline/pictures"],
  ...Object.fromEntries(
    Object.entries(COMMANDS).map((
      [name, others],
    ) => [`pipeline/${name}`, [...FORMATS, ...KERNELS, ...SHARED, ...others.map((other) => `pipeline/${other}`)]]),
  ),
};

/**
 * Whether files of a name are told apart by their folder: each room has its `mod.ts`, each command its `main.ts` and
 * `options.ts`, each operation files named by what they are of it, and in `formats/columns` reading
 * mirrors writing, and Arrow Parquet.
 *
 * @param path A file.
 * @returns The kind of such files, or the file itself.
 */
function kindOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "mod.ts") return name;
  if (/^pipeline\/\w+\/(main|options)\.ts$/.test(path)) return "pipeline/*/";
  if (path.startsWith("kernels/operations/")) return "kernels/operations/*/";
  return path.replace(/^formats\/columns\/(arrow|parquet)\/(decode\/|encode\/)?/, "formats/columns/*/");
}

/** Files of product code, and what each imports, all under the root. */
const IMPORTS: ReadonlyMap<string, readonly string[]> = new Map(
  ["formats", "kernels", "pipeline"].flatMap(filesOf).sort().map((path) => {
    const text = Deno.readTextFileSync(join(ROOT, path)).replaceAll(/\/\*.*?\*\//gs, "");
    const imports = text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*"(\.[^"]+\.ts)"/g);
    return [path, [...new Set(Array.from(imports, ([, target]) => join(path, "..", target)))]];
  }),
);

function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesOf(path) : name.endsWith(".ts") ? [path] : [];
  });
}

/** The room of a file: its wing and the folder in it. */
function roomOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

/** Circles in a graph: each is a set of nodes of which every one leads to every other. */
function circles(graph: ReadonlyMap<string, Iterable<string>>): string[][] {
  const reached = new Map([...graph.keys()].map((start) => {
    const found = new Set<string>();
    const open = [start];
    for (let node; (node = open.pop()) !== undefined;) {
      for (const next of graph.get(node) ?? []) {
        if (found.has(next)) continue;
        found.add(next);
        open.push(next);
      }
    }
    return [start, found];
  }));
  const inCircles = [...reached].filter(([node, found]) => found.has(node)).map(([node]) => node);
  const found = inCircles.map((node) =>
    inCircles.filter((other) => reached.get(node)!.has(other) && reached.get(other)!.has(node))
  );
  return found.filter((circle, index) => circle[0] === inCircles[index]);
}

/** Folders and the folders that their files import. */
function folders(within: (path: string) => boolean): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/"));
  for (const [path, imports] of IMPORTS) {
    if (!within(path)) continue;
    const from = folderOf(path);
    const to = found.get(from) ?? new Set();
    for (const other of imports.filter(within).map(folderOf)) if (other !== from) to.add(other);
    found.set(from, to);
  }
  return found;
}

Deno.test("no files of product code import each other in a circle", () => {
  assert(IMPORTS.size > 400);
  assertEquals(circles(IMPORTS), []);
});

Deno.test("circles() finds all nodes of a circle, and no other", () => {
  const graph = new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b", "d"]], ["d", []], ["e", ["e"]]]);
  assertEquals(circles(graph), [["b", "c"], ["e"]]);
});

Deno.test("rooms import those below them alone", () => {
  const arrows = new Set<string>();
  for (const [path, imports] of IMPORTS) {
    const from = roomOf(path);
    assert(from in MAY_READ, `${path} is in no room: name the room in MAY_READ`);
    for (const to of imports.map(roomOf)) {
      if (from !== to && !MAY_READ[from].includes(to)) arrows.add(`${from} -> ${to}`);
    }
  }
  assertEquals([...arrows].sort(), []);
});

Deno.test("the table of rooms has no circle, and no room that is not there", () => {
  assertEquals(circles(new Map(Object.entries(MAY_READ))), []);
  assertEquals([...new Set([...IMPORTS.keys()].map(roomOf))].sort(), Object.keys(MAY_READ).sort());
  const read = new Set(
    [...IMPORTS].flatMap(([path, imports]) => imports.map((other) => `${roomOf(path)} ${roomOf(other)}`)),
  );
  const commands = Object.entries(COMMANDS).flatMap(([name, others]) => others.map((other) => [name, other]));
  assertEquals(commands.filter(([name, other]) => !read.has(`pipeline/${name} pipeline/${other}`)), []);
});

Deno.test("no operations import each other in a circle", () => {
  const operations = folders((path) => path.startsWith("kernels/operations/"));
  assert(operations.size > 10);
  assertEquals(circles(operations), []);
});

Deno.test("no two files have one name, but those that their folders tell apart", () => {
  const kinds = new Map<string, Set<string>>();
  for (const path of IMPORTS.keys()) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    kinds.set(name, (kinds.get(name) ?? new Set()).add(kindOf(path)));
  }
  const twice = [...kinds].filter(([, found]) => found.size > 1).map(([name]) => name);
  assertEquals(twice, []);
});

Deno.test("every command is a room with main.ts and options.ts and a line in deno.json, and nothing else is in pipeline", () => {
  const inPipeline = [...Deno.readDirSync(join(ROOT, "pipeline"))];
  assertEquals(inPipeline.filter(({ isFile }) => isFile), []);
  const started = [...IMPORTS.keys()].flatMap((path) => /^pipeline\/(\w+)\/main\.ts$/.exec(path)?.[1] ?? []);
  assertEquals(started.sort(), Object.keys(COMMANDS).sort());
  assertEquals(started.filter((name) => !IMPORTS.has(`pipeline/${name}/options.ts`)), []);
});

Deno.test("the folders of tests are those of what they test", () => {
  const folders = ["formats", "kernels", "pipeline"].flatMap((room) => testFoldersOf(`tests/${room}`));
  assert(folders.length > 30);
  assertEquals(folders.filter((folder) => !isThere(folder.replace(/^tests\//, ""))), []);
});

/** Folders that hold tests. */
function testFoldersOf(folder: string): string[] {
  const entries = [...Deno.readDirSync(join(ROOT, folder))];
  const below = entries.filter(({ isDirectory }) => isDirectory).flatMap(({ name }) =>
    testFoldersOf(`${folder}/${name}`)
  );
  return entries.some(({ name }) => name.endsWith("_test.ts")) ? [folder, ...below] : below;
}

function isThere(folder: string): boolean {
  try {
    return Deno.statSync(join(ROOT, folder)).isDirectory;
  } catch {
    return false;
  }
}
