import { tmpdir } from "node:os";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { isFile } from "../../../../formats/weights/hub/hub_cache.ts";
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

/** Does not wait, and notes for how long it should have, in seconds. */
function noWait(): { readonly pauses: number[]; readonly wait: (milliseconds: number) => Promise<void> } {
  const pauses: number[] = [];
  return { pauses, wait: (milliseconds) => Promise.resolve(void pauses.push(milliseconds / 1000)) };
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
    await assertWhole((await downloadFromHub(reference, { settings, ...noWait() })).path);
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

/** A model in two shards, each with its own bytes. */
const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const index = new TextEncoder().encode(
  JSON.stringify({ weight_map: { "a.weight": shards[0], "b.weight": shards[1] } }),
);
const sharded = {
  "config.json": config,
  "model.safetensors.index.json": index,
  [shards[0]]: weights,
  [shards[1]]: weights.map((byte) => byte ^ 1),
};

Deno.test("downloadFromHub() downloads all shards that an index names, and each once", async () => {
  await withHub(async (hub, settings) => {
    const { path } = await downloadFromHub(reference, { settings });
    for (const [name, bytes] of Object.entries(sharded)) assertEquals(await Deno.readFile(`${path}/${name}`), bytes);
    const offline = { ...settings, offline: true };
    assertEquals((await downloadFromHub(reference, { settings: offline })).path, path);
    Deno.removeSync(`${path}/${shards[1]}`);
    await assertRejects(() => downloadFromHub(reference, { settings: offline }), Error, "it is not in");
    hub.requests.length = 0;
    await downloadFromHub(reference, { settings });
    assertEquals(await Deno.readFile(`${path}/${shards[1]}`), sharded[shards[1]]);
    assertEquals(gets(hub, "cdn").length, 0);
  }, sharded);
});

Deno.test("downloadFromHub() names the shard that a model lacks", async () => {
  const { [shards[1]]: _, ...rest } = sharded;
  await withHub(
    (_, settings) =>
      assertRejects(
        () => downloadFromHub(reference, { settings }),
        Error,
        `Cannot download "${reference}": its model.safetensors.index.json names "${shards[1]}", which it does not have`,
      ).then(() => {}),
    rest,
  );
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
        `Cannot download "${reference}": it has neither model.safetensors nor model.safetensors.index.json nor pytorch_model.bin`,
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
  [
    { status: 401, code: "GatedRepo" },
    undefined,
    `wants access to be granted first, at ENDPOINT/${repository}, and the token of who has it: set HF_TOKEN (401)`,
  ],
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
        () => downloadFromHub(reference, { settings: { ...settings, token }, ...noWait() }),
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
    const whileDown = await downloadFromHub(reference, { settings, ...noWait() });
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
      `Cannot download "${reference}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, and it is not in ${settings.cache}`,
    );
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const endpoint = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    listener.close();
    await assertRejects(
      () => downloadFromHub(reference, { settings: { ...settings, endpoint }, ...noWait() }),
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
      "TRANSFORMERS_OFFLINE is set, and it is not in",
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

Deno.test("downloadFromHub() downloads once for two processes at the same time, and goes on where one was killed", async () => {
  await withHub(async (hub, settings) => {
    const program = fromFileUrl(new URL("download_program.ts", import.meta.url));
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-net=127.0.0.1"],
          ...[program, hub.endpoint, reference, settings.cache],
        ],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    const outputs = () => Promise.all([start(), start()].map((child) => child.output()));

    // The second server sends half of the file and then nothing: who waits for it is killed.
    const half = weights.slice(0, weights.length / 2);
    hub.cdnAnswers.push(new Response(new ReadableStream({ start: (controller) => controller.enqueue(half) })));
    const killed = start();
    const blobs = `${settings.cache}/models--owner--some.model-1/blobs/${sha256(weights)}.incomplete`;
    let isEnded = false;
    killed.status.then(() => isEnded = true);
    while (!isEnded && !(await isFile(blobs, half.length))) await new Promise((resolve) => setTimeout(resolve, 20));
    killed.kill("SIGKILL");
    await killed.output();

    hub.requests.length = 0;
    for (const { code, stdout, stderr } of await outputs()) {
      const decoder = new TextDecoder();
      assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [0, `${weights.length}\n`, ""]);
    }
    assertEquals(gets(hub, "cdn").map(({ range }) => range), [`bytes=${half.length}-`]);
    await assertWhole((await downloadFromHub(reference, { settings })).path);
  });
});

Deno.test("downloadFromHub() downloads whole files where another caller, who was waited for, failed", async () => {
  await withHub(async (hub, settings, folder) => {
    // The first one to ask gets another content, and removes it.
    hub.cdnAnswers.push(new Response(new Uint8Array(weights.length)));
    const results = await Promise.allSettled([1, 2, 3].map(() => downloadFromHub(reference, { settings })));
    assertEquals(results.map(({ status }) => status).sort(), ["fulfilled", "fulfilled", "rejected"]);
    for (const result of results) if (result.status === "fulfilled") await assertWhole(result.value.path);
    const blobs = [...Deno.readDirSync(`${folder}/blobs`)].map(({ name }) => name).sort();
    assertEquals(blobs, [gitHash(config), sha256(weights)].sort());
  });
});

const passing: [name: string, answers: () => Response[], pauses: number[]][] = [
  ["500", () => [new Response(null, { status: 500 })], [1]],
  ["503 twice", () => [1, 2].map(() => new Response(null, { status: 503 })), [1, 2]],
  ["429 with seconds to wait", () => [new Response(null, { status: 429, headers: { "retry-after": "7" } })], [7]],
  [
    "429 with a time to wait for that is over",
    () => [new Response(null, { status: 429, headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" } })],
    [1],
  ],
  ["408, 502 and 504", () => [408, 502, 504].map((status) => new Response(null, { status })), [1, 2, 4]],
];

for (const [name, answers, expected] of passing) {
  Deno.test(`downloadFromHub() asks the hub again after ${name}`, async () => {
    for (const server of ["answers", "cdnAnswers"] as const) {
      await withHub(async (hub, settings) => {
        hub[server].push(...answers());
        const { pauses, wait } = noWait();
        const warnings: string[] = [];
        const onWarning = (message: string) => warnings.push(message);
        await assertWhole((await downloadFromHub(reference, { settings, wait, onWarning })).path);
        assertEquals(pauses, expected);
        const long = expected.filter((pause) => pause >= 4);
        assertEquals(warnings, long.map((pause) => `Asking ${hub.endpoint} again in ${pause} s`));
      });
    }
  });
}

Deno.test("downloadFromHub() gives up after five failures, or where it is asked to wait for more than a minute", async () => {
  await withHub(async (hub, settings) => {
    const { pauses, wait } = noWait();
    hub.failure = { status: 503 };
    await assertRejects(
      () => downloadFromHub(reference, { settings, wait }),
      Error,
      `Cannot download "${reference}": ${hub.endpoint} cannot be reached (it answers 503)`,
    );
    assertEquals(pauses, [1, 2, 4, 8]);
    hub.answers.push(new Response(null, { status: 429, headers: { "retry-after": "3600" } }));
    await assertRejects(
      () => downloadFromHub(reference, { settings, wait }),
      Error,
      "cannot be reached (it answers 429 and asks to wait 3600 s)",
    );
    assertEquals(pauses.length, 4);
  });
});

Deno.test("downloadFromHub() does not wait for a network where the cache will do", async () => {
  await withHub(async (hub, settings) => {
    await downloadFromHub(reference, { settings });
    await hub.close();
    const { pauses, wait } = noWait();
    const { path, offline } = await downloadFromHub(reference, { settings, wait });
    await assertWhole(path);
    assertEquals([offline, pauses], [true, []]);
  });
});

Deno.test("downloadFromHub() asks for a new address where that of the other host is refused", async () => {
  await withHub(async (hub, settings) => {
    hub.cdnAnswers.push(new Response(null, { status: 403 }));
    await assertWhole((await downloadFromHub(reference, { settings, ...noWait() })).path);
    assertEquals(gets(hub, "cdn").length, 2);
  });
});

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location } });
}

Deno.test("downloadFromHub() refuses redirects in circles, and those to what is no web address", async () => {
  const cases: [location: string, message: string][] = [
    [`/${repository}/resolve/main/config.json`, "redirects more than 5 times"],
    ["file:///etc/passwd", 'redirects to "file:///etc/passwd", which is no web address'],
    ["data:text/plain,x", 'redirects to "data:text/plain,x", which is no web address'],
    ["http://[", 'redirects to "http://[", which is no web address'],
  ];
  for (const [location, message] of cases) {
    await withHub(async (hub, settings) => {
      for (let count = 0; count < 10; count++) hub.answers.push(redirect(location));
      const { pauses, wait } = noWait();
      await assertRejects(
        () => downloadFromHub(reference, { settings, wait }),
        Error,
        `Cannot download "${reference}": ${hub.endpoint} ${message}`,
      );
      assertEquals(pauses, []);
    });
  }
});

Deno.test("downloadFromHub() refuses a page where it should be given a file, and a hash that is another file's", async () => {
  await withHub(async (hub, settings) => {
    const page = () => new Response("<html>login</html>", { headers: { "content-type": "text/html" } });
    hub.answers.push(page());
    await assertRejects(() => downloadFromHub(reference, { settings }), Error, "does not answer as a hub (commit");
    hub.cdnAnswers.push(page());
    await assertRejects(
      () => downloadFromHub(reference, { settings }),
      Error,
      "sends a page of text/html, expected model.safetensors",
    );
    hub.etag = "0".repeat(64);
    await assertRejects(
      () => downloadFromHub(reference, { settings, ...noWait() }),
      Error,
      `model.safetensors has ${weights.length} bytes and hash ${sha256(weights)}, expected ${weights.length} and 000`,
    );
    hub.etag = undefined;
    await assertWhole((await downloadFromHub(reference, { settings })).path);
  });
});

/** Changes a byte of a file, whose size stays. */
function damage(path: string): void {
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length - 1] ^= 1;
  Deno.writeFileSync(path, bytes);
}

for (const file of ["model.safetensors", "config.json"]) {
  const content = file === "config.json" ? config : weights;
  const name = file === "config.json" ? gitHash(config) : sha256(weights);

  Deno.test(`downloadFromHub() downloads ${file} again whose bytes in the cache have changed, and says so`, async () => {
    for (const revision of ["", `@${commit}`]) {
      await withHub(async (_, settings, folder) => {
        const { path } = await downloadFromHub(reference + revision, { settings });
        damage(`${folder}/blobs/${name}`);
        const warnings: string[] = [];
        const onWarning = (message: string) => warnings.push(message);
        await assertWhole((await downloadFromHub(reference + revision, { settings, onWarning })).path);
        assertEquals(await Deno.readFile(`${folder}/blobs/${name}`), content);
        assertEquals(warnings.length, 1);
        const start = `Downloading again: "${path}/${file}" has changed since it was downloaded (hash `;
        assert(warnings[0].startsWith(start) && warnings[0].endsWith(`, expected ${name})`), warnings[0]);
      });
    }
  });

  Deno.test(`downloadFromHub() refuses ${file} whose bytes in the cache have changed where there is no network`, async () => {
    await withHub(async (hub, settings, folder) => {
      const { path } = await downloadFromHub(reference, { settings });
      damage(`${folder}/blobs/${name}`);
      const found = `"${path}/${file}" has changed since it was downloaded (hash `;
      await assertRejects(
        () => downloadFromHub(reference, { settings: { ...settings, offline: true } }),
        Error,
        `Cannot download "${reference}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, and ${found}`,
      );
      hub.failure = { status: 503 };
      for (const revision of ["", `@${commit}`]) {
        await assertRejects(
          () => downloadFromHub(reference + revision, { settings, ...noWait() }),
          Error,
          `cannot be reached (it answers 503), and ${found}`,
        );
      }
    });
  });
}

Deno.test("downloadFromHub() puts back a link that leads nowhere, and one that leads to another file", async () => {
  await withHub(async (_, settings, folder) => {
    const { path } = await downloadFromHub(reference, { settings });
    await Deno.remove(`${folder}/blobs/${sha256(weights)}`);
    await assertWhole((await downloadFromHub(reference, { settings })).path);
    await Deno.remove(`${path}/model.safetensors`);
    await Deno.symlink("../../blobs/" + gitHash(config), `${path}/model.safetensors`);
    await assertWhole((await downloadFromHub(reference, { settings })).path);
  });
});

Deno.test({
  name: "downloadFromHub() downloads again a file that was moved into the snapshot and has changed",
  permissions: { read: true, write: [tmpdir()], net: ["127.0.0.1"] },
  async fn() {
    await withHub(async (_, settings) => {
      const { path } = await downloadFromHub(reference, { settings });
      damage(`${path}/model.safetensors`);
      await assertWhole((await downloadFromHub(reference, { settings })).path);
    });
  },
});

Deno.test("downloadFromHub() names the folder that it may not write", async () => {
  await withHub(async (_, settings) => {
    await Deno.writeTextFile(`${settings.cache}/file`, "");
    const cache = `${settings.cache}/file/cache`;
    await assertRejects(
      () => downloadFromHub(reference, { settings: { ...settings, cache } }),
      Error,
      `Cannot download "${reference}" to "${cache}": `,
    );
  });
});
