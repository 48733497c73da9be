import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { type ExplorerPaths, openExplorer } from "../../../pipeline/explore/explorer.ts";
import { readFilter } from "../../../pipeline/explore/filter.ts";
import { EXPLORE } from "../../../pipeline/explore/options.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { ask, comparedFolder, exploredFolder, select } from "./explored_folder.ts";
import { folderOf, TWELVE } from "../query/query_folder.ts";
import { runTask, taskCommand } from "../task.ts";

/** The task, until it has printed its address. */
async function start(...args: string[]) {
  const child = taskCommand("explore", args).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let error = "";
  const errors = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) error += text;
  })();
  let out = "";
  while (!/^http.*\n/m.test(out)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(error);
    out += value;
  }
  return {
    out,
    url: out.trimEnd().split("\n").at(-1)!,
    async untilError() {
      while (!error.includes("\n")) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async end(signal: Deno.Signal) {
      child.kill(signal);
      const { code } = await child.status;
      await reader.cancel();
      await errors;
      return { code, error };
    },
  };
}

Deno.test("deno task explore prints an address, serves it, and ends with Ctrl-C without a trace", async () => {
  const { labels, images, rows } = exploredFolder();
  const folder = Deno.makeTempDirSync();
  const selection = join(folder, "chosen.txt");
  const { out, url, end } = await start(labels, images, "--selection", selection);
  assertEquals(out.split("\n").slice(0, 2), [
    `12 label maps of tf_efficientnet_lite0 in "${labels}", images in "${images}"`,
    "Open this address in a browser of this machine; Ctrl-C ends it",
  ]);
  assert(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/.test(url), url);
  assertEquals((await ask(`${url}api/rows?order=suspicious&where=label = 0`)).json.rows.length > 0, true);
  const picture = await fetch(`${url}thumbnail?key=${encodeURIComponent(rows[0].key)}`);
  assertEquals([picture.status, (await picture.bytes()).length > 0], [200, true]);
  assertEquals((await select(url, { keys: [rows[0].key] })).status, 200);
  const taken = await runTask("explore", labels, images, "--port", new URL(url).port);
  assertEquals([taken.code, taken.out], [1, ""]);
  assertEquals(
    taken.error,
    `Cannot listen on 127.0.0.1:${new URL(url).port}, choose another --port: address already in use\n`,
  );
  const { code, error } = await end("SIGINT");
  assertEquals([code, error], [130, ""]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["chosen.txt"]);
});

Deno.test("deno task explore says when the images are others than those of the label maps", async () => {
  const { labels } = exploredFolder();
  const { end, untilError } = await start(labels);
  await untilError();
  const { code, error } = await end("SIGTERM");
  assertEquals(code, 143);
  assertStringIncludes(error, 'The first image, "cats/');
  assertStringIncludes(error, "Cannot read image: there is none of this key");
});

Deno.test("EXPLORE reads what was asked for, and refuses what it does not understand", () => {
  assertEquals(EXPLORE.read([]), {
    labels: "labels",
    images: undefined,
    compare: undefined,
    selection: "selection.txt",
    port: 0,
  });
  assertEquals(EXPLORE.read(["a", "b", "--compare", "c", "--selection=d", "--port", "80"]), {
    labels: "a",
    images: "b",
    compare: "c",
    selection: "d",
    port: 80,
  });
  assertEquals(EXPLORE.read(["--help"]), "help");
  const cases: [string[], string][] = [
    [["--prot", "80"], "Unknown option --prot, did you mean --port? see deno task explore --help"],
    [["--port", "http"], "Cannot use --port http: expected an integer, 0 or more"],
    [["--port", "70000"], "Cannot use --port 70000: expected 0 to 65535"],
    [["a", "b", "c"], 'Unexpected argument "c": see deno task explore --help'],
  ];
  for (const [args, sentence] of cases) assertThrows(() => EXPLORE.read(args), UsageError, sentence);
});

Deno.test("openExplorer() refuses what it cannot show, in one sentence", async () => {
  const { labels, images, rows } = exploredFolder();
  const few = smallMetadata({ classes: 11 });
  const others = { name: TWELVE.name.map((name, index) => index === 3 ? "heron" : name) };
  const renamed = folderOf([smallRow(0, smallMetadata())], smallMetadata(), { classes: others });
  const fewer = folderOf([smallRow(0, few)], few);
  const prefixed = comparedFolder(rows.map((row) => ({ ...row, key: `train/${row.key}` })));
  const renamedKeys = comparedFolder(rows.map((row) => ({ ...row, key: `${row.key}.webp` })));
  const upper = comparedFolder(rows.map((row) => ({ ...row, key: row.key.toUpperCase() })));
  const noneInCommon = (path: string, key: string): [Partial<ExplorerPaths>, string] => [
    { compare: path },
    `Cannot compare "${labels}" with "${path}": they have no key in common, their first ones are ` +
    `${JSON.stringify(rows[0].key)} and ${JSON.stringify(key)}`,
  ];
  const paths = { labels, images, selection: "selection.txt" };
  const cases: [Partial<ExplorerPaths>, string][] = [
    [{ labels: "/none" }, 'Cannot read label maps from "/none": no such file or directory'],
    [{ images: "/none" }, "/none"],
    [{ selection: images }, `Cannot write the selection "${images}": it is a folder`],
    [{ selection: "/none/x.txt" }, 'Cannot write the selection "/none/x.txt": no such file or directory'],
    [
      { compare: fewer },
      `Cannot compare "${labels}" with "${fewer}": their annotators tell 12 and 11 classes apart`,
    ],
    noneInCommon(prefixed, `train/${rows[0].key}`),
    noneInCommon(renamedKeys, `${rows[0].key}.webp`),
    noneInCommon(upper, rows[0].key.toUpperCase()),
    [{ compare: renamed }, `Cannot compare "${labels}" with "${renamed}": class 3 is "crane" and "heron"`],
  ];
  for (const [changes, sentence] of cases) {
    const { message } = await assertRejects(() => openExplorer({ ...paths, ...changes }), Error, sentence);
    assertEquals(message.includes("\n"), false, message);
  }
});

Deno.test("deno task explore opens a folder without rows", async () => {
  const { images } = exploredFolder();
  const { url, end } = await start(comparedFolder([]), images);
  assertEquals((await ask(`${url}api/rows?order=suspicious`)).json, { total: 0, rows: [] });
  assertEquals(await end("SIGINT"), { code: 130, error: "" });
});

Deno.test("openExplorer() reads folders whose names look like columns or patterns", async () => {
  const { images, rows } = exploredFolder();
  for (const name of ["label=1", "key=x", "top_class=3", "a?b", "[ab]"]) {
    const [labels, compare] = ["labels", "others"].map((folder) => {
      const path = join(Deno.makeTempDirSync(), name);
      Deno.renameSync(comparedFolder(folder === "labels" ? rows : rows.toReversed()), path);
      return path;
    });
    const explorer = await openExplorer({ labels, images, compare, selection: "selection.txt" });
    try {
      const found = await explorer.index.find(readFilter(new Map([["label", "1"]])), new AbortController().signal);
      assertEquals(found.length, rows.filter(({ label }) => label === 1).length, name);
      assertEquals(await explorer.index.rowOf(1, rows[0].key), rows.length - 1, name);
    } finally {
      await explorer.close();
    }
  }
});

Deno.test("openExplorer() says why labels cannot be compared, and compares none by number unless a manifest says so", async () => {
  const { labels, images, rows } = exploredFolder();
  const lone = comparedFolder(rows);
  Deno.removeSync(join(lone, "manifest.json"));
  const numbered = folderOf(rows, smallMetadata(), { classes: TWELVE });
  for (
    const [path, reason, classes] of [
      [labels, undefined, [8, null]],
      [numbered, undefined, Array.from({ length: 12 }, (_, index) => index)],
      [lone, "there is no manifest that says what they stand for", []],
    ] as const
  ) {
    const explorer = await openExplorer({ labels: path, images, selection: "selection.txt" });
    try {
      assertEquals(explorer.unknownLabels?.split(";")[0], reason);
      assertEquals(explorer.description.labelClasses, classes);
      const filter = readFilter(new Map([["where", "self_confidence IS NOT NULL"]]));
      const found = await explorer.index.find(filter, new AbortController().signal);
      assertEquals(found.length > 0, reason === undefined);
    } finally {
      await explorer.close();
    }
  }
});

Deno.test("deno task explore says how many images a compared folder has too", async () => {
  const { labels, images, rows } = exploredFolder();
  const others = rows.map((row, index) => index < 3 ? row : { ...row, key: `other/${index}.jpg` });
  for (const [compared, count] of [[others, 3], [rows, 12], [[], 0]] as const) {
    const compare = comparedFolder(compared);
    const { out, end } = await start(labels, images, "--compare", compare);
    assertEquals(out.split("\n")[1], `${count} of 12 images also in "${compare}"`);
    assertEquals(await end("SIGINT"), { code: 130, error: "" });
  }
});
