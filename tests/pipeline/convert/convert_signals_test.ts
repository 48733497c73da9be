import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile } from "../../../formats/labels/mod.ts";
import { torchTensorWriter } from "../../../formats/weights/mod.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { contents, runTask, taskCommand } from "../task.ts";

/** Images to convert: enough for a signal to come while they are. */
const IMAGES = 4000;

function publishedMaps(): string {
  const path = Deno.makeTempDirSync();
  const write = torchTensorWriter([2, 2, 2, 3]);
  const values = Float32Array.from({ length: 24 }, (_, index) => index < 12 ? index / 16 : index * 3 % 10);
  for (let index = 0; index < IMAGES; index++) Deno.writeFileSync(join(path, `${index}.pt`), write(values));
  return path;
}

function labelMaps(): string {
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const metadata = smallMetadata();
  const writer = createLabelMapFile(path, metadata);
  for (let index = 0; index < IMAGES; index++) writer.append({ ...smallRow(index, metadata), key: `${index}.jpg` });
  writer.finish();
  return path;
}

/** Whether a part is there, or some rows are noted. */
function hasBegun(path: string): boolean {
  try {
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    return names.some((name) => /^part-\d+\.\w+$/.test(name) || name === "3.pt");
  } catch {
    return false;
  }
}

const CONVERSIONS: [string, () => string, string[], Deno.Signal, number][] = [
  ["published maps", publishedMaps, ["--layout", "hw", "--classes", "10", "--rows-per-file", "50"], "SIGINT", 130],
  ["label maps", labelMaps, ["--to", "arrow", "--rows-per-file", "50"], "SIGTERM", 143],
  ["label maps to .pt files", labelMaps, ["--to", "pt"], "SIGINT", 130],
];

for (const [what, input, options, signal, expected] of CONVERSIONS) {
  Deno.test(`${signal} ends a conversion of ${what} with a sentence, and the same command goes on`, async () => {
    const from = input();
    const path = join(Deno.makeTempDirSync(), "out");
    const child = taskCommand("convert", [from, path, "--quiet", ...options]).spawn();
    const ended = child.output();
    let isOver = false;
    ended.then(() => isOver = true);
    while (!isOver && !hasBegun(path)) await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill(signal);
    const { code, stderr } = await ended;
    const error = new TextDecoder().decode(stderr);
    assertEquals(code, expected, error);
    assertMatch(error, /^Stopped: [\d,]+ of 4,000 images were done, the same command goes on in ".*"\n$/);
    const again = await runTask("convert", from, path, "--quiet", ...options);
    assertEquals([again.code, again.error], [0, ""]);
    const whole = join(Deno.makeTempDirSync(), "out");
    await runTask("convert", from, whole, "--quiet", ...options);
    assertEquals(contents(path), contents(whole));
  });
}
