import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { lockHeldSince, takeLock } from "../../../formats/base/lock.ts";

Deno.test("lockHeldSince() tells a lock that is held from one that a killed process left", () => {
  const path = join(Deno.makeTempDirSync(), "lock");
  assertEquals(lockHeldSince(path), undefined);
  Deno.writeTextFileSync(path, "");
  Deno.utimeSync(path, 0, 0);
  assertEquals(lockHeldSince(path), undefined);
  const start = Date.now();
  const lock = takeLock(path, "Cannot try");
  assert(Math.abs(lockHeldSince(path)!.getTime() - start) < 5000);
  assertThrows(() => takeLock(path, "Cannot try"), Deno.errors.Busy, "Cannot try: another process is writing there");
  lock.release();
  assertEquals(lockHeldSince(path), undefined);
});

Deno.test("takeLock() is not refused because of one who only looks", async () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "lock");
  Deno.writeTextFileSync(path, "");
  Deno.writeTextFileSync(
    join(folder, "look.ts"),
    `const file = Deno.openSync(${JSON.stringify(path)});
    file.lockSync(false);
    Deno.stdout.writeSync(new Uint8Array(1));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    file.close();`,
  );
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-read", join(folder, "look.ts")],
    stdout: "piped",
    stderr: "null",
  });
  const looking = command.spawn();
  await looking.stdout.getReader().read();
  takeLock(path, "Cannot try").release();
  assertEquals((await looking.status).code, 0);
});

Deno.test("a lock whose file was removed is taken again, unless another process was faster", () => {
  const path = join(Deno.makeTempDirSync(), "lock");
  const lock = takeLock(path, "Cannot try");
  Deno.removeSync(path);
  assertEquals(lockHeldSince(path), undefined);
  lock.keep();
  assertThrows(() => takeLock(path, "Cannot try"), Deno.errors.Busy);
  Deno.removeSync(path);
  const other = takeLock(path, "Cannot try");
  assertThrows(
    () => lock.keep(),
    Deno.errors.Busy,
    "Cannot try: its lock file was removed meanwhile, and another process writes there now",
  );
  // What is given back is not the other's.
  lock.release();
  assert(lockHeldSince(path));
  other.release();
  assertEquals(lockHeldSince(path), undefined);
});

Deno.test("a lock that is gone with its file, or with its folder, is released without a word", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "lock");
  const lock = takeLock(path, "Cannot try");
  Deno.removeSync(path);
  lock.release();
  const again = takeLock(path, "Cannot try");
  Deno.removeSync(folder, { recursive: true });
  assertThrows(() => again.keep(), Deno.errors.NotFound, "Cannot try: no such file or directory");
  again.release();
});
