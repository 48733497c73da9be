import { tmpdir } from "node:os";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { downloadFromHub, type DownloadProgress, type HubSettings } from "../../../../formats/weights/mod.ts";
import { commit, type FakeHub, gitHash, repository, sha256, startFakeHub } from "./fake_hub.ts";

const reference = `hf:${repository}`;
const config = new TextEncoder().encode('{"architecture": "resnet18"}');
const weights = Uint8Array.from({ length: 300_000 }, (_, index) => index * 7 % 251);

/** Runs a test with a hub that has a model, and an empty cache. */
async function withHub(
  test: (hub: FakeHub, settings: HubSettings, folder: string) => Promise<void>,
  files: Record<string, Uint8Array<ArrayBuffer>> = { "config.json": config, "model.safetensors": weights },
): Promise<void> {
  const cache = await Deno.makeTempDir();
  const hub = startFakeHub(files);
  try {
    const folder = `${cache}/models--owner--some.model-1`;
    await test(hub, { endpoint: hub.endpoint, cache, offline: false }, folder);
  } finally {
    await hub.close();
    await Deno.remove(cache, { recursive: true });
  }
}

async function assertWhole(path: string, file = "model.safetensors"): Promise<void> {
  assertEquals(await Deno.readFile(`${path}/config.json`), config);
  assertEquals(await Deno.readFile(`${path}/${file}`), weights);
}

function gets(hub: FakeHub, server: "hub" | "cdn") {
  return hub.requests.filter((request) => request.server === server && request.method === "GET");
}

Deno.test("downloadFromHub() lays files out as huggingface_hub does", async () => {
  await withHub(async (_, settings, folder) => {
    const snapshot = await downloadFromHub(reference, { settings });
    assertEquals(snapshot, { path: `${folder}/snapshots/${commit}`, commit, offline: false });
    await assertWhole(snapshot.path);
    assertEquals(await Deno.readTextFile(`${folder}/refs/main`), commit);
    const blobs = [...Deno.readDirSync(`${folder}/blobs`)].map(({ name }) => name).sort();
    assertEquals(blobs, [gitHash(config), sha256(weights)].sort());
    assertEquals(await Deno.readLink(`${snapshot.path}/model.safetensors`), `../../blobs/${sha256(weights)}`);
  });
});

Deno.test("downloadFromHub() reports each file's progress up to its size", async () => {
  await withHub(async (_, settings) => {
    const seen: DownloadProgress[] = [];
    await downloadFromHub(reference, { settings, onProgress: (progress) => seen.push(progress) });
    for (const [file, total] of [["config.json", config.length], ["model.safetensors", weights.length]] as const) {
      const received = seen.filter((progress) => progress.file === file);
      assertEquals(received[0], { file, received: 0, total });
      assertEquals(received.at(-1), { file, received: total, total });
      assertEquals(
        received.map(({ received }) => received),
        received.map(({ received }) => received).sort((a, b) => a - b),
      );
    }
  });
});

Deno.test("downloadFromHub() sends the token to the hub and not to where it redirects", async () => {
  await withHub(async (hub, settings) => {
    hub.token = "hf_secret";
    await downloadFromHub(reference, { settings: { ...settings, token: "hf_secret" } });
    const authorizations = (server: string) =>
      new Set(hub.requests.filter((request) => request.server === server).map(({ authorization }) => authorization));
    assertEquals(authorizations("hub"), new Set(["Bearer hf_secret"]));
    assertEquals(authorizations("cdn"), new Set([null]));
  });
});

Deno.test("downloadFromHub() downloads nothing again", async () => {
  await withHub(async (hub, settings) => {
    await downloadFromHub(reference, { settings });
    hub.requests.length = 0;
    await assertWhole((await downloadFromHub(reference, { settings })).path);
    assertEquals(hub.requests.map(({ method }) => method), ["HEAD", "HEAD"]);
    hub.requests.length = 0;
    await assertWhole((await downloadFromHub(`${reference}@${commit}`, { settings })).path);
    assertEquals(hub.requests, []);
  });
});

Deno.test("downloadFromHub() goes on where a dropped connection was", async () => {
  await withHub(async (hub, settings) => {
    hub.drops.push(0, 100_000, 50_000);
    await assertWhole((await downloadFromHub(reference, { settings })).path);
    const ranges = gets(hub, "cdn").map(({ range }) => range);
    assertEquals(ranges.length, 4);
    assertEquals(ranges.slice(0, 2), [null, null]);
    for (const range of ranges.slice(2)) assert(Number(range!.match(/^bytes=(\d+)-$/)![1]) > 0);
  });
});

Deno.test("downloadFromHub() goes on where an earlier run was", async () => {
  await withHub(async (hub, settings, folder) => {
    await Deno.mkdir(`${folder}/blobs`, { recursive: true });
    await Deno.writeFile(`${folder}/blobs/${sha256(weights)}.incomplete`, weights.subarray(0, 123_456));
    await assertWhole((await downloadFromHub(reference, { settings })).path);
    assertEquals(gets(hub, "cdn").map(({ range }) => range), ["bytes=123456-"]);
  });
});

Deno.test("downloadFromHub() starts again where the server ignores ranges, or the rest is too long", async () => {
  for (const left of [weights.subarray(0, 1000).map((byte) => byte + 1), new Uint8Array(weights.length + 1)]) {
    await withHub(async (hub, settings, folder) => {
      hub.ignoresRanges = true;
      await Deno.mkdir(`${folder}/blobs`, { recursive: true });
      await Deno.writeFile(`${folder}/blobs/${sha256(weights)}.incomplete`, left);
      await assertWhole((await downloadFromHub(reference, { settings })).path);
    });
  }
});

Deno.test("downloadFromHub() refuses content whose hash or size is wrong, and keeps none of it", async () => {
  for (const replacement of [weights.with(1000, weights[1000] + 1), new Uint8Array(weights.length + 5)]) {
    await withHub(async (hub, settings, folder) => {
      hub.replacement = replacement as Uint8Array<ArrayBuffer>;
      const error = await assertRejects(() => downloadFromHub(reference, { settings }), Error);
      assert(/": model\.safetensors has \d+ bytes and hash [0-9a-f]{64}, expected/.test(error.message), error.message);
      assert(error.message.endsWith(`, expected ${weights.length} and ${sha256(weights)}`), error.message);
      assertEquals([...Deno.readDirSync(`${folder}/blobs`)].map(({ name }) => name), [gitHash(config)]);
      hub.replacement = undefined;
      await assertWhole((await downloadFromHub(reference, { settings })).path);
    });
  }
});

Deno.test("downloadFromHub() refuses a wrong part that an earlier run left", async () => {
  await withHub(async (_, settings, folder) => {
    await Deno.mkdir(`${folder}/blobs`, { recursive: true });
    await Deno.writeFile(`${folder}/blobs/${sha256(weights)}.incomplete`, new Uint8Array(1000).fill(9));
    await assertRejects(() => downloadFromHub(reference, { settings }), Error, `expected ${weights.length} and`);
    await assertWhole((await downloadFromHub(reference, { settings })).path);
  });
});

Deno.test("downloadFromHub() takes pytorch_model.bin where there is no safetensors", async () => {
  await withHub(async (_, settings) => {
    const { path } = await downloadFromHub(reference, { settings });
    await assertWhole(path, "pytorch_model.bin");
  }, { "config.json": config, "pytorch_model.bin": weights });
});

Deno.test("downloadFromHub() names the file that a model lacks", async () => {
  await withHub(
    (_, settings) =>
      assertRejects(
        () => downloadFromHub(reference, { settings }),
        Error,
        `Cannot download "${reference}": it has no config.json`,
      ).then(() => {}),
    { "model.safetensors": weights },
  );
  await withHub(
    (_, settings) =>
      assertRejects(
        () => downloadFromHub(reference, { settings }),
        Error,
        `Cannot download "${reference}": it has neither model.safetensors nor pytorch_model.bin`,
      ).then(() => {}),
    { "config.json": config },
  );
});

Deno.test("downloadFromHub() takes a revision with a slash, and follows a model that was renamed", async () => {
  await withHub(async (hub, settings, folder) => {
    const { path } = await downloadFromHub(`${reference}@refs/pr/1`, { settings });
    await assertWhole(path);
    assertEquals(hub.requests[0].path, `/${repository}/resolve/refs%2Fpr%2F1/config.json`);
    assertEquals(await Deno.readTextFile(`${folder}/refs/refs/pr/1`), commit);
    await assertWhole((await downloadFromHub("hf:old/name", { settings })).path);
  });
});

const refusals: [failure: FakeHub["failure"], token: string | undefined, message: string][] = [
  [{ status: 401 }, undefined, "has no such model, or it is private: set HF_TOKEN (401)"],
  [{ status: 401 }, "hf_old", "does not accept the token in HF_TOKEN (401)"],
  [{ status: 403 }, "hf_old", `wants access to be granted first, at ENDPOINT/${repository} (403)`],
  [{ status: 404, code: "RepoNotFound" }, undefined, "has no such model (404)"],
  [{ status: 404, code: "RevisionNotFound" }, undefined, 'has no revision "main" of it (404)'],
  [{ status: 418 }, undefined, "answers 418"],
  [{ status: 503 }, undefined, "cannot be reached (it answers 503)"],
  [{ status: 200 }, undefined, 'does not answer as a hub (commit "", hash "", size'],
];
for (const [failure, token, message] of refusals) {
  Deno.test(`downloadFromHub() says: ${message}`, async () => {
    await withHub(async (hub, settings) => {
      hub.failure = failure;
      await assertRejects(
        () => downloadFromHub(reference, { settings: { ...settings, token } }),
        Error,
        `Cannot download "${reference}": ${hub.endpoint} ${message.replace("ENDPOINT", hub.endpoint)}`,
      );
    });
  });
}

Deno.test("downloadFromHub() works from the cache without a network", async () => {
  await withHub(async (hub, settings) => {
    await downloadFromHub(reference, { settings });
    hub.failure = { status: 503 };
    const whileDown = await downloadFromHub(reference, { settings });
    assertEquals(whileDown.offline, true);
    await assertWhole(whileDown.path);
    hub.requests.length = 0;
    const offline = await downloadFromHub(reference, { settings: { ...settings, offline: true } });
    assertEquals(offline, whileDown);
    assertEquals(hub.requests, []);
  });
});

Deno.test("downloadFromHub() says that nothing can be had without a network", async () => {
  await withHub(async (hub, settings) => {
    await assertRejects(
      () => downloadFromHub(reference, { settings: { ...settings, offline: true } }),
      Error,
      `Cannot download "${reference}": HF_HUB_OFFLINE is set, and it is not in ${settings.cache}`,
    );
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const endpoint = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    listener.close();
    await assertRejects(
      () => downloadFromHub(reference, { settings: { ...settings, endpoint } }),
      Error,
      `Cannot download "${reference}": ${endpoint} cannot be reached (`,
    );
    assertEquals(hub.requests, []);
  });
});

Deno.test("downloadFromHub() does not take an unfinished download for a cached model", async () => {
  await withHub(async (hub, settings) => {
    hub.files.set("model.safetensors", weights);
    hub.replacement = new Uint8Array(weights.length);
    await assertRejects(() => downloadFromHub(reference, { settings }), Error, "model.safetensors has");
    await assertRejects(
      () => downloadFromHub(reference, { settings: { ...settings, offline: true } }),
      Error,
      "HF_HUB_OFFLINE is set",
    );
  });
});

Deno.test({
  name: "downloadFromHub() moves files into the snapshot where links may not be made",
  permissions: { read: true, write: [tmpdir()], net: ["127.0.0.1"] },
  async fn() {
    await withHub(async (hub, settings, folder) => {
      const { path } = await downloadFromHub(reference, { settings });
      await assertWhole(path);
      assertEquals((await Deno.lstat(`${path}/model.safetensors`)).isSymlink, false);
      assertEquals([...Deno.readDirSync(`${folder}/blobs`)], []);
      hub.requests.length = 0;
      await downloadFromHub(reference, { settings });
      assertEquals(hub.requests.map(({ method }) => method), ["HEAD", "HEAD"]);
    });
  },
});

Deno.test("downloadFromHub() downloads once for two callers at the same time", async () => {
  await withHub(async (hub, settings) => {
    const snapshots = await Promise.all([1, 2].map(() => downloadFromHub(reference, { settings })));
    for (const { path } of snapshots) await assertWhole(path);
    assertEquals(gets(hub, "cdn").length, 1);
  });
});
