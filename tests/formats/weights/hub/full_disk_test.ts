import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fullDiskError, isFullDisk } from "../../../../formats/weights/hub/full_disk.ts";
import { ROOT } from "../../../pipeline/task.ts";
import { repository, startFakeHub } from "./fake_hub.ts";

Deno.test("isFullDisk() tells a full disk and a full quota from other failures", () => {
  const failed = (code?: string) => Object.assign(new Error("failed"), code === undefined ? {} : { code });
  assertEquals(["ENOSPC", "EDQUOT", "EIO", undefined].map((code) => isFullDisk(failed(code))), [
    true,
    true,
    false,
    false,
  ]);
  assertEquals(isFullDisk("ENOSPC"), false);
});

Deno.test("fullDiskError() names folder, bytes wanted and bytes free", async () => {
  const folder = await Deno.makeTempDir();
  const wanted = { subject: 'Cannot download "hf:a/b"', folder, name: "model.safetensors", missing: 7 };
  const { message } = await fullDiskError(wanted, new Error("No space left on device (os error 28)"));
  const start = `Cannot download "hf:a/b": the disk of "${folder}" is full, model.safetensors wants 7 bytes more`;
  assert(message.startsWith(start), message);
  // Tests may not ask for free space; the program of the next one may.
  assert(/more(, \d+ are free)?; what has arrived is kept for the next time$/.test(message), message);
  await Deno.remove(folder);
});

/** A shell program with a disk of 1 MB at `$0`, as another user's root; undefined where the system does not let it. */
async function onSmallDisk(program: string, ...args: string[]): Promise<Deno.CommandOutput | undefined> {
  const mounted = `mount -t tmpfs -o size=1m none "$0" && ${program}`;
  try {
    return await new Deno.Command("unshare", {
      args: ["--user", "--map-root-user", "--mount", "sh", "-c", mounted, ...args],
    })
      .output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const disk = Deno.makeTempDirSync();
const canMount = (await onSmallDisk("true", disk))?.success ?? false;

Deno.test({
  name: `downloadFromHub() says that the disk is full, keeps what has arrived, and goes on${
    canMount ? "" : " (not tried: this system lets nobody mount a disk)"
  }`,
  ignore: !canMount,
  async fn() {
    const weights = Uint8Array.from({ length: 3 << 20 }, (_, index) => index * 7 % 251);
    const hub = startFakeHub({ "config.json": new TextEncoder().encode("{}"), "model.safetensors": weights });
    const download = join(ROOT, "tests/formats/weights/hub/download_program.ts");
    const run =
      `"$1" run --no-prompt --allow-read --allow-write --allow-net --allow-sys=statfs "$2" "$3" "$4" "$0/cache"`;
    // After the first run the disk grows, and the file is whole.
    const program = `{ ${run}; ls -s "$0"/cache/models--*/blobs/*.incomplete; mount -o remount,size=9m "$0"; ${run}; }`;
    const output = await onSmallDisk(program, disk, Deno.execPath(), download, hub.endpoint, `hf:${repository}`);
    await hub.close();
    const decoder = new TextDecoder();
    const [out, error] = [decoder.decode(output!.stdout), decoder.decode(output!.stderr)];
    const sentence = new RegExp(
      `^Cannot download "hf:${repository}": the disk of "${disk}/cache/models--\\S+/blobs" is full, model\\.safetensors ` +
        "wants \\d+ bytes more, \\d+ are free; what has arrived is kept for the next time\n$",
    );
    assert(sentence.test(error), error);
    const [left, size] = out.trim().split("\n");
    assert(Number(left.split(" ")[0]) > 500, `only ${left} was kept`);
    assertEquals(size, String(weights.length));
    const ranges = hub.requests.filter(({ server, method }) => server === "cdn" && method === "GET").map(({ range }) =>
      range
    );
    assertEquals([ranges.length, ranges[0]], [2, null]);
    assert(Number(ranges[1]!.match(/^bytes=(\d+)-$/)![1]) > 500_000, String(ranges));
    await Deno.remove(disk);
  },
});
