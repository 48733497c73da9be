import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openImages } from "../../../formats/images/mod.ts";
import { findHubShards } from "../../../formats/images/hub_shards.ts";
import { openParquetImages } from "../../../formats/images/parquet_source.ts";
import type { HubSettings } from "../../../formats/weights/mod.ts";
import { openRemoteFile } from "../../../formats/weights/hub/remote_file.ts";
import { parseDataSetReference } from "../../../formats/weights/hub/hub_reference.ts";
import {
  addRepository,
  type FakeRepositories,
  startFakeRepositories,
  TOKEN,
} from "../weights/hub/fake_repositories.ts";
import { ROOT, runTask, taskCommand } from "../../pipeline/task.ts";
import { collect } from "./collect.ts";

const FIXTURES = join(ROOT, "tests/fixtures/images/parquet");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const NAME = "hf:datasets/owner/images";

/** A hub with a data set of two splits. */
function startHub(): FakeRepositories {
  const hub = startFakeRepositories();
  const shards = [0, 1].map((index) =>
    [
      `data/train-0000${index}-of-00002.parquet`,
      Deno.readFileSync(join(FIXTURES, `train-0000${index}-of-00002.parquet`)),
    ] as const
  );
  const test = ["data/test-00000-of-00001.parquet", Deno.readFileSync(join(FIXTURES, "cifar.parquet"))] as const;
  addRepository(hub, "datasets/owner/images", new Map([["README.md", new Uint8Array(5)], ...shards, test]), COMMIT);
  return hub;
}

function settings(hub: FakeRepositories, changes: Partial<HubSettings> = {}): HubSettings {
  return { endpoint: hub.endpoint, cache: "", offline: false, token: TOKEN, tokenSource: "HF_TOKEN", ...changes };
}

/** Opens a split, without a look at the environment. */
async function open(hub: FakeRepositories, text: string) {
  const { commit, shards } = await findHubShards(text, settings(hub));
  return { commit, source: await openParquetImages(text, shards) };
}

Deno.test("images of the hub are those of its files, and only parts of these are fetched", async () => {
  await using hub = startHub();
  const { commit, source } = await open(hub, NAME);
  assertEquals(commit, COMMIT);
  const local = await openImages(join(FIXTURES, "train-{00000..00001}-of-00002.parquet"));
  const expected = (await collect(local)).map((image) => ({ ...image, key: `data/${image.key}` }));
  assertEquals(await collect(source), expected);
  for (const [start, end] of [[0, 1], [5, 8], [10, 99]]) {
    assertEquals(await collect(source, { start, end }), expected.slice(start, end));
  }
  assertEquals([source.classes, await source.count()], [local.classes, 11]);
  assertEquals(await source.survey(), {
    ...await local.survey(),
    unlabelled: [{ what: "with a negative label", count: 1, first: "data/train-00001-of-00002.parquet/3" }],
  });
  const contents = hub.requests.filter((request) => request.startsWith("storage"));
  assert(contents.length > 0);
  assertEquals(contents.filter((request) => !request.includes("bytes=")), []);
  hub.requests.forEach((request, index) => assertEquals(hub.withToken[index], !request.startsWith("storage"), request));
});

Deno.test("a split of the hub is named where there are several", async () => {
  await using hub = startHub();
  assertEquals(await (await open(hub, `${NAME}:test`)).source.count(), 2);
  assertEquals(await (await open(hub, `${NAME}@${COMMIT}:data/test`)).source.count(), 2);
  const cases = [
    [`${NAME}:dev`, 'name one of its splits behind a colon, which are "data/test", "data/train"'],
    ["hf:datasets/owner/none", "has no such data set (404)"],
    [`${NAME}@v9`, "(404)"],
    ["hf:images", 'Cannot read data set "hf:images": expected hf:datasets/owner/name'],
  ];
  for (const [text, message] of cases) await assertRejects(() => findHubShards(text, settings(hub)), Error, message);
  addRepository(hub, "datasets/owner/texts", new Map([["a.txt", new Uint8Array(1)]]), COMMIT);
  await assertRejects(
    () => findHubShards("hf:datasets/owner/texts", settings(hub)),
    Deno.errors.NotFound,
    "it has no Parquet files; the hub converts many data sets: try @refs/convert/parquet",
  );
  await assertRejects(
    () => findHubShards(NAME, settings(hub, { offline: true })),
    Error,
    "they are read over the network, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set",
  );
});

Deno.test("a part of a file goes on where its connection broke, and ends with a sentence where it breaks again and again", async () => {
  const content = Uint8Array.from({ length: 5000 }, (_, index) => index % 251);
  await using hub = startFakeRepositories();
  addRepository(hub, "datasets/owner/images", new Map([["a.parquet", content]]), COMMIT);
  const reference = parseDataSetReference(NAME);
  const remote = {
    name: "a.parquet",
    url: `${hub.endpoint}/datasets/owner/images/resolve/${COMMIT}/a.parquet`,
    size: content.length,
  };
  const wait = () => Promise.resolve();
  let drops = 3;
  hub.intercept = (request, server) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    if (server !== "storage" || !range || drops-- <= 0) return;
    const [start, end] = [Number(range[1]), Number(range[2]) + 1];
    const headers = { "content-range": `bytes ${start}-${end - 1}/5000`, "content-length": String(end - start) };
    return new Response(new Blob([content.slice(start, start + 500)]).stream(), { status: 206, headers });
  };
  const file = openRemoteFile(settings(hub), reference, remote, wait);
  const range = { offset: 1000, length: 3000 };
  await file.prepare([range]);
  assertEquals(file.read(1500, 2000), content.slice(1500, 3500));
  const ranges = hub.requests.filter((request) => request.startsWith("storage")).map((request) =>
    request.split(" ")[3]
  );
  assertEquals(ranges, ["bytes=1000-3999", "bytes=1500-3999", "bytes=2000-3999", "bytes=2500-3999"]);
  file.release([range]);
  hub.intercept = (_, server) => server === "storage" ? new Response(null, { status: 503 }) : undefined;
  const error = await assertRejects(() => file.prepare([range]), Error);
  assertStringIncludes(error.message, `${hub.endpoint} cannot be reached for a.parquet (127.0.0.1:`);
  hub.intercept = (_, server) => server === "storage" ? new Response(content) : undefined;
  await assertRejects(() => file.prepare([range]), Error, "sends all of a.parquet, expected a part");
});

Deno.test("commands that may not use the hub, and lists of images, refuse its data sets in a sentence", async () => {
  await using hub = startHub();
  const variables = { HF_ENDPOINT: hub.endpoint, HF_HOME: Deno.makeTempDirSync(), HF_TOKEN: TOKEN, HF_HUB_OFFLINE: "" };
  const list = await taskCommand("relabel", [NAME, "--write-list", join(variables.HF_HOME, "list")], variables)
    .output();
  const said = `Cannot list images "${NAME}": they are on the hub, which lists them itself\n`;
  assertEquals([list.code, new TextDecoder().decode(list.stderr)], [1, said]);
  const { code, error } = await runTask("corrupt", NAME, "--output", variables.HF_HOME);
  assertEquals(code, 1);
  assertStringIncludes(error, `Cannot read images from "${NAME}": this command may not ask the hub`);
});

Deno.test("relabel labels a data set of the hub by its name, as its files here, and pins the commit", async () => {
  await using hub = startHub();
  const [home, labels, local] = [0, 1, 2].map(() => Deno.makeTempDirSync());
  const variables = { HF_ENDPOINT: hub.endpoint, HF_HOME: home, HF_TOKEN: TOKEN, HF_HUB_OFFLINE: "" };
  const args = [NAME, "--out", labels, "--size", "64", "--quiet"];
  const { code, stderr } = await taskCommand("relabel", args, variables).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const files = join(FIXTURES, "train-{00000..00001}-of-00002.parquet");
  assertEquals((await runTask("relabel", files, "--out", local, "--size", "64", "--quiet")).code, 0);
  const manifestOf = (path: string) => JSON.parse(Deno.readTextFileSync(join(path, "manifest.json")));
  assertEquals(manifestOf(labels).configuration.source.commit, COMMIT);
  const columns = "SELECT label, class, score FROM labels";
  const [ours, theirs] = await Promise.all(
    [labels, local].map((path) => runTask("query", path, columns, "--format", "json")),
  );
  assertEquals(ours.out, theirs.out);
  // The branch moves on: the folder says of which commit it is.
  const files2 = hub.repositories.get("datasets/owner/images")!.branches.get("main")!.at(-1)!.files;
  addRepository(hub, "datasets/owner/images", files2, COMMIT.replaceAll("0", "f"));
  const moved = await taskCommand("relabel", args, variables).output();
  assertEquals(moved.code, 1);
  assertStringIncludes(new TextDecoder().decode(moved.stderr), COMMIT);
});
