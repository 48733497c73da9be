import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { isAbort, unlessAborted, untilAborted } from "../../../pipeline/command/until_aborted.ts";
import { makeFolder } from "../../formats/images/collect.ts";
import { gzip, joinBytes, writeTar } from "../../formats/images/tar_writer.ts";
import { repository, startFakeHub } from "../../formats/weights/hub/fake_hub.ts";
import { ROOT, taskCommand } from "../task.ts";

Deno.test("untilAborted() passes all values on, and closes the source of one who stops", async () => {
  let closed = 0;
  async function* count() {
    try {
      for (let value = 0; value < 3; value++) yield value;
    } finally {
      closed++;
    }
  }
  const { signal } = new AbortController();
  assertEquals(await Array.fromAsync(untilAborted(count(), signal)), [0, 1, 2]);
  assertEquals(await Array.fromAsync(untilAborted(count())), [0, 1, 2]);
  for await (const value of untilAborted(count(), signal)) {
    if (value === 1) break;
  }
  assertEquals(closed, 3);
});

Deno.test("untilAborted() passes on what its source throws", async () => {
  async function* fail() {
    yield 0;
    throw new TypeError("broken");
  }
  await assertRejects(() => Array.fromAsync(untilAborted(fail(), new AbortController().signal)), TypeError, "broken");
});

Deno.test("untilAborted() ends while its source gives nothing, and closes it when it does", async () => {
  const { promise: given, resolve: give } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  async function* wait() {
    try {
      yield 0;
      await given;
      yield 1;
    } finally {
      close();
    }
  }
  const controller = new AbortController();
  const { signal } = controller;
  const values = untilAborted(wait(), signal);
  assertEquals((await values.next()).value, 0);
  const next = values.next();
  controller.abort();
  const error = await assertRejects(() => next);
  assertEquals([isAbort(error, signal), isAbort(new Error("another"), signal), isAbort(error)], [true, false, false]);
  give();
  await closed;
});

Deno.test("unlessAborted() does not wait for a run that is to stop", async () => {
  assertEquals(await unlessAborted(Promise.resolve(1), new AbortController().signal), 1);
  const error = await assertRejects(() => unlessAborted(new Promise(() => {}), AbortSignal.abort("stopped")));
  assertEquals(error, "stopped");
});

/** Lists a data set as training does, unless a signal comes. */
const PROGRAM = `
  import { openDecodePool } from "${new URL("../../../formats/images/mod.ts", import.meta.url)}";
  import { withSignals } from "${new URL("../../../pipeline/command/signals.ts", import.meta.url)}";
  import { openImageStore } from "${new URL("../../../pipeline/training/image_store.ts", import.meta.url)}";
  const { result, code } = await withSignals((signal) => {
    console.log("ready");
    const pool = openDecodePool(1);
    return openImageStore(Deno.args[0], { pool, signal }).then(() => "opened", (error) => error.name);
  });
  console.log(result);
  Deno.exit(code);
`;

Deno.test("SIGINT ends a run while it unpacks 64 GB of zeros", async () => {
  const begin = writeTar([{ name: "cat/0.jpg", content: "x" }, {
    name: "cat/1.jpg",
    change: (header) => header.set([0x80, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0], 124),
  }]).subarray(0, 3 * 512);
  const zeros = await gzip(new Uint8Array(2 ** 26));
  await using folder = await makeFolder({
    "program.ts": PROGRAM,
    "a.tar.gz": joinBytes([await gzip(begin), ...new Array(1000).fill(zeros)]),
  });
  const args = ["run", "--no-prompt", "--config", "deno.json", "--allow-read", "--allow-ffi", "--allow-env"];
  const process = new Deno.Command(Deno.execPath(), {
    args: [...args, `${folder.path}/program.ts`, folder.path],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let out = (await reader.read()).value ?? "";
  process.kill("SIGINT");
  for (let part = await reader.read(); !part.done; part = await reader.read()) out += part.value;
  assertEquals({ code: (await process.status).code, out }, { code: 130, out: "ready\nAbortError\n" });
});

Deno.test("SIGINT and SIGTERM end a training while it downloads its teacher", async () => {
  for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const hub = startFakeHub({
      "config.json": new TextEncoder().encode("{}"),
      "model.safetensors": new Uint8Array(100),
    });
    // Ten bytes, and then nothing.
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    hub.cdnAnswers.push(new Response(body));
    const home = Deno.makeTempDirSync();
    const process = taskCommand(
      "train",
      ["assets/photos/single", "--teacher", `hf:${repository}`, "--output", join(home, "run")],
      { HF_ENDPOINT: hub.endpoint, HF_HOME: home },
    ).spawn();
    const output = process.output();
    let isEnded = false;
    output.then(() => isEnded = true);
    while (!isEnded && !hub.requests.some(({ server, method }) => server === "cdn" && method === "GET")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.kill(signal);
    const { code } = await output;
    await hub.close();
    assertEquals(code, expected);
    Deno.removeSync(home, { recursive: true });
  }
});
