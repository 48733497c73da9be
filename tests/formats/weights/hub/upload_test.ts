import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { piecedFile } from "../../../../formats/base/pieced_file.ts";
import { type HubSettings, parseDataSetReference, uploadToHub } from "../../../../formats/weights/mod.ts";
import { type FakeRepositories, startFakeRepositories, TOKEN } from "./fake_repositories.ts";

const LARGE = Uint8Array.from({ length: 250_000 }, (_, index) => index * 7 % 251);
const FILES = [
  piecedFile("data/train-00000-of-00001.parquet", [LARGE]),
  piecedFile("README.md", ["# A card\n"]),
  piecedFile("empty.parquet", []),
];
const PATH = "datasets/owner/name";

function target(hub: FakeRepositories, settings: Partial<HubSettings> = {}, text = "hf:owner/name") {
  return {
    reference: parseDataSetReference(text),
    settings: { endpoint: hub.endpoint, cache: "", offline: false, token: TOKEN, tokenSource: "HF_TOKEN", ...settings },
  };
}

const OPTIONS = { summary: "Publish", wait: () => Promise.resolve() };

/** Files of a branch, as texts that keep bytes apart. */
function filesOf(hub: FakeRepositories, branch = "main"): Record<string, string> {
  const files = hub.repositories.get(PATH)!.branches.get(branch)!.at(-1)!.files;
  return Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toBase64()]));
}

const UPLOADED = {
  ".gitattributes": "AAAA",
  "data/train-00000-of-00001.parquet": LARGE.toBase64(),
  "README.md": new TextEncoder().encode("# A card\n").toBase64(),
  "empty.parquet": "",
};

Deno.test("uploadToHub() makes the repository, and one commit with all files", async () => {
  await using hub = startFakeRepositories();
  const seen: string[] = [];
  const uploaded = await uploadToHub(target(hub), FILES, {
    ...OPTIONS,
    isPrivate: true,
    onProgress: ({ file, received, total }) => received === total && seen.push(file),
  });
  assertEquals(filesOf(hub), UPLOADED);
  assertEquals([uploaded.sent, uploaded.sentBytes, uploaded.isUnchanged], [3, 250_009, false]);
  assertEquals(uploaded.page, `${hub.endpoint}/${PATH}`);
  const { branches, private: isPrivate } = hub.repositories.get(PATH)!;
  assertEquals(isPrivate, true);
  assertEquals(branches.get("main")!.map(({ summary }) => summary), ["initial commit", "Publish"]);
  assertEquals(branches.get("main")!.at(-1)!.id, uploaded.commit);
  assertEquals(new Set(seen), new Set(FILES.map(({ name }) => name)));
  // The token goes to the hub alone.
  hub.requests.forEach((request, index) => assertEquals(hub.withToken[index], !request.startsWith("storage"), request));
});

Deno.test("uploadToHub() sends in parts what the hub wants in parts", async () => {
  await using hub = startFakeRepositories();
  hub.chunk = 100_000;
  await uploadToHub(target(hub), FILES, OPTIONS);
  assertEquals(filesOf(hub), UPLOADED);
  assertEquals(hub.requests.filter((request) => request.startsWith("storage PUT")).length, 3);
});

Deno.test("uploadToHub() sends nothing that the hub has, and makes no commit without a change", async () => {
  await using hub = startFakeRepositories();
  const first = await uploadToHub(target(hub), FILES, OPTIONS);
  hub.requests.length = 0;
  const second = await uploadToHub(target(hub), FILES, OPTIONS);
  assertEquals(second, { ...first, sent: 0, sentBytes: 0, isUnchanged: true });
  assertEquals(hub.requests.filter((request) => /storage|batch|commit\//.test(request)), []);
  // Another name for the same content, and a file that is not to stay.
  const moved = [{ ...FILES[0], name: "data/train-00000-of-00002.parquet" }, FILES[1], FILES[2]];
  const third = await uploadToHub(target(hub), moved, { ...OPTIONS, isStale: (path) => path.startsWith("data/") });
  assertEquals(hub.requests.filter((request) => request.startsWith("storage")), []);
  assertEquals(Object.keys(filesOf(hub)).sort(), [".gitattributes", "README.md", moved[0].name, "empty.parquet"]);
  assertEquals(third.sent, 0);
});

Deno.test("uploadToHub() goes on after a kill with the files that had not arrived", async () => {
  await using hub = startFakeRepositories();
  const many = [1, 2, 3].map((seed) => piecedFile(`data/${seed}.parquet`, [LARGE.map((value) => value ^ seed)]));
  const controller = new AbortController();
  await assertRejects(
    () =>
      uploadToHub(target(hub), many, {
        ...OPTIONS,
        signal: controller.signal,
        onProgress: ({ file }) => {
          if (file === "data/3.parquet") controller.abort(new Error("killed"));
        },
      }),
    Error,
    "killed",
  );
  const kept = new Set(hub.storage.keys());
  assert(kept.size >= 2);
  assertEquals(hub.repositories.get(PATH)!.branches.get("main")!.length, 1);
  const { sent } = await uploadToHub(target(hub), many, OPTIONS);
  assertEquals(sent, 3 - kept.size);
  assertEquals(Object.keys(filesOf(hub)).length, 4);
});

Deno.test("uploadToHub() tries again what may pass, with addresses that are new", async () => {
  await using hub = startFakeRepositories();
  const failures = [503, 500, 403];
  let batches = 0;
  hub.intercept = (request, server) => {
    if (request.url.endsWith("/batch")) batches++;
    const isTarget = server === "storage"
      ? failures.length <= 2
      : /preupload/.test(request.url) && failures.length === 3;
    return isTarget && failures.length > 0 ? new Response(null, { status: failures.shift() }) : undefined;
  };
  await uploadToHub(target(hub), FILES, OPTIONS);
  assertEquals(filesOf(hub), UPLOADED);
  assertEquals(batches, 3);
});

Deno.test("uploadToHub() writes a branch that it makes, and no other", async () => {
  await using hub = startFakeRepositories();
  await uploadToHub(target(hub, {}, "hf:datasets/owner/name@v1"), FILES, OPTIONS);
  assertEquals(filesOf(hub, "v1"), UPLOADED);
  assertEquals(Object.keys(filesOf(hub)), [".gitattributes"]);
});

Deno.test("uploadToHub() says why nothing can be published, and never the token", async () => {
  await using hub = startFakeRepositories();
  const answering = (path: RegExp, status: number, text: string) => (request: Request) =>
    path.test(request.url) ? new Response(JSON.stringify({ error: text }), { status }) : undefined;
  const start = 'Cannot publish to "hf:owner/name": ';
  const cases: [settings: Partial<HubSettings>, intercept: FakeRepositories["intercept"], message: string][] = [
    [{ token: undefined }, undefined, 'there is no token, set HF_TOKEN to one with the role "write"'],
    [{ offline: true }, undefined, "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set"],
    [
      { token: "hf_wrong" },
      undefined,
      `${hub.endpoint} does not accept the token in HF_TOKEN (401: Invalid username or password.)`,
    ],
    [
      {},
      answering(/repos\/create/, 403, `not with ${TOKEN}`),
      'does not let the token in HF_TOKEN write there, it needs the role "write" and the rights of "owner" (403: not with ***)',
    ],
    [
      {},
      answering(/revision\/main/, 404, "no"),
      "has no such data set or revision, or hides it from the token (404: no)",
    ],
    [
      {},
      answering(/commit\//, 412, "moved"),
      "says that somebody else wrote there meanwhile, start again (412: moved)",
    ],
    [{}, answering(/preupload/, 413, "too large"), "answers 413: too large"],
    [{}, answering(/preupload/, 503, ""), `cannot be reached (${hub.endpoint} answers 503)`],
    [{}, () => new Response("<html>"), "does not answer as a hub, it sends no JSON"],
    [{ endpoint: "http://127.0.0.1:9" }, undefined, "cannot be reached ("],
  ];
  for (const [settings, intercept, message] of cases) {
    hub.intercept = intercept;
    const error = await assertRejects(() => uploadToHub(target(hub, settings), FILES, OPTIONS), Error);
    assertStringIncludes(error.message, start);
    assertStringIncludes(error.message, message);
    assertEquals(error.message.includes(TOKEN), false);
  }
});

Deno.test("uploadToHub() does not send to a public repository what is to be private, nor what cannot be read", async () => {
  await using hub = startFakeRepositories();
  await uploadToHub(target(hub), FILES, OPTIONS);
  await assertRejects(
    () => uploadToHub(target(hub), FILES, { ...OPTIONS, isPrivate: true }),
    Error,
    `it is there and public, make it private at ${hub.endpoint}/${PATH}/settings`,
  );
  const gone = piecedFile("gone.parquet", [{ path: "/nowhere/gone", offset: 0, length: 9 }]);
  await assertRejects(() => uploadToHub(target(hub), [gone], OPTIONS), Deno.errors.NotFound, "/nowhere/gone");
});
