import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { replaceFile } from "../../formats/base/files.ts";
import { randomOf } from "../fuzz/random.ts";
import { casesOf, ends, runCase } from "./campaign.ts";
import { type Operation, watchFileSystem } from "./file_system.ts";
import { flows } from "./flows.ts";
import { leaveAfterPowerCut } from "./power_cut.ts";

/** Cases of each flow and end; `deno task kills` runs more. A kill is a process, the others are quick. */
const TIMES = { "kill": 1, "power cut": 2, "fault": 2 };

for (const end of ends) {
  Deno.test(`runs that a ${end} ends go on to the same bytes, or say what is another`, async () => {
    for (const given of casesOf(Object.keys(flows).length * TIMES[end], 0, [end])) {
      await runCase(given).catch((error) => {
        throw new Error(`${JSON.stringify(given)}: ${error.message}`);
      });
    }
  });
}

/** What a power cut leaves of a file that an action writes over another, in many cuts. */
async function leftOf(write: (path: string) => void): Promise<Set<string>> {
  const root = Deno.makeTempDirSync();
  const path = join(root, "a");
  const operations: Operation[] = [];
  await watchFileSystem({ onOperation: (operation) => operations.push(operation) }, async () => {
    await Promise.resolve();
    replaceFile(path, "old");
    write(path);
  });
  // From when the old content is there for certain.
  const first = operations.findIndex(({ type }) => type === "sync folder") + 1;
  const left = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const random = randomOf(seed);
    const folder = join(Deno.makeTempDirSync(), "left");
    leaveAfterPowerCut(folder, operations.slice(0, first + random.below(operations.length - first + 1)), random, {
      root,
    });
    left.add(Deno.readTextFileSync(join(folder, "a")));
    Deno.removeSync(folder, { recursive: true });
  }
  return left;
}

Deno.test("a power cut leaves the old content or the new one of what replaceFile() writes, and less of what is not waited for", async () => {
  assertEquals(await leftOf((path) => replaceFile(path, "new")), new Set(["old", "new"]));
  const careless = await leftOf((path) => {
    Deno.writeTextFileSync(`${path}.partial`, "new");
    Deno.renameSync(`${path}.partial`, path);
  });
  assertEquals(careless.has(""), true);
  assertEquals(careless.has("\0\0\0"), true);
});

Deno.test("watchFileSystem() lets a call fail, and afterwards none", async () => {
  const path = join(Deno.makeTempDirSync(), "a");
  const beforeCall = (name: string) => {
    if (name === "syncSync") throw new Error("No space left on device (os error 28)");
  };
  const error = await watchFileSystem(
    { beforeCall },
    () => Promise.resolve(assertThrows(() => replaceFile(path, "a"), Error)),
  );
  assertStringIncludes(error.message, `Cannot write "${path}": no space left on device`);
  assertEquals([...Deno.readDirSync(join(path, ".."))], []);
  replaceFile(path, "a");
  assertEquals(Deno.readTextFileSync(path), "a");
});
