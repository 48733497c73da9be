import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  addRepository,
  type FakeRepositories,
  startFakeRepositories,
} from "../../formats/weights/hub/fake_repositories.ts";
import { allRows, partsFolder, published } from "../publish/published.ts";
import { taskCommand, type TaskOutput } from "../task.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const SQL =
  "SELECT key, given, labels.class, labels.score, top_class FROM labels JOIN image_labels USING (key) WHERE rank = 0";

/** All files of a folder by their paths in it. */
function filesIn(folder: string, under = ""): Map<string, Uint8Array<ArrayBuffer>> {
  return new Map([...Deno.readDirSync(join(folder, under))].flatMap(({ name, isDirectory }) => {
    const path = under + name;
    return isDirectory ? [...filesIn(folder, `${path}/`)] : [[path, Deno.readFileSync(join(folder, path))] as const];
  }));
}

/** Asks a folder of the hub, or another one, in a process with a cache. */
async function ask(hub: FakeRepositories, home: string, folder: string, env = {}): Promise<TaskOutput> {
  const variables = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: "", HF_HUB_OFFLINE: "", ...env };
  const { code, stdout, stderr } = await taskCommand(
    "query",
    [folder, `${SQL} ORDER BY key`, "--format", "json"],
    variables,
  )
    .output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("published label maps are asked by their name on the hub, also without it once they are here", async () => {
  await using hub = startFakeRepositories();
  const [labels, home] = [partsFolder(), Deno.makeTempDirSync()];
  addRepository(hub, "datasets/owner/name", filesIn(await published(labels)), COMMIT);
  const local = await ask(hub, home, labels);
  const first = await ask(hub, home, "hf:datasets/owner/name");
  assertEquals([first.code, first.out], [0, local.out], first.error);
  assertEquals(local.out.trim().split("\n").length, 7);
  // Pictures and the card are no label maps, and what is here is not fetched again.
  const fetched = hub.requests.filter((request) => !request.startsWith("HEAD"));
  assertEquals(fetched.some((request) => /svg|README/.test(request)), false);
  const before = hub.requests.length;
  const second = await ask(hub, home, "hf:owner/name");
  assertEquals(second.out, local.out);
  assertEquals(hub.requests.slice(before).filter((request) => !request.startsWith("HEAD")), []);
  const snapshot = join(home, "hub/datasets--owner--name/snapshots", COMMIT);
  assertEquals(await allRows(snapshot), await allRows(labels));
  const count = hub.requests.length;
  const offline = await ask(hub, home, `hf:datasets/owner/name`, { HF_HUB_OFFLINE: "1" });
  assertEquals([offline.out, hub.requests.length], [local.out, count]);
  assertStringIncludes(offline.error, `as downloaded before (commit ${COMMIT})`);
  const pinned = await ask(hub, home, `hf:datasets/owner/name@${COMMIT}`);
  assertEquals([pinned.out, hub.requests.length], [local.out, count]);
});

Deno.test("what is no published label maps is refused in one sentence", async () => {
  await using hub = startFakeRepositories();
  const files = filesIn(await published(partsFolder()));
  addRepository(hub, "datasets/owner/other", new Map([["README.md", new Uint8Array(9)]]), COMMIT);
  files.delete("data/train-00001-of-00002.parquet");
  addRepository(hub, "datasets/owner/half", files, COMMIT);
  const cases = [
    ["hf:datasets/owner/none", "has no such data set (404)"],
    ["hf:datasets/owner/other", "it has no manifest.json, which published label maps have"],
    [
      "hf:datasets/owner/half",
      'its manifest.json lists "data/train-00001-of-00002.parquet", which it does not have',
    ],
    ["hf:datasets/owner/half@v3", 'has no revision "v3" of it (404)'],
    ["hf:datasets/owner", "expected hf:datasets/owner/name or hf:datasets/owner/name@revision"],
  ];
  await Promise.all(cases.map(async ([name, message]) => {
    const { code, error } = await ask(hub, Deno.makeTempDirSync(), name);
    assertEquals(code, 1);
    assert(error.includes(message), error);
  }));
});
