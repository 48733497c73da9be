import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { basename } from "@std/path";
import { crc32c, maskedCrc32c } from "../../../formats/tensorboard/crc32c.ts";
import { createEventFile } from "../../../formats/tensorboard/event_file.ts";
import { pythonTest } from "../../python.ts";

Deno.test("crc32c() is that of RFC 3720's examples", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
});

/** The messages of a file, each checked against its checksums. */
function records(path: string): Uint8Array[] {
  const bytes = Deno.readFileSync(path);
  const view = new DataView(bytes.buffer);
  const messages: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = Number(view.getBigUint64(offset, true));
    assertEquals(view.getUint32(offset + 8, true), maskedCrc32c(bytes.subarray(offset, offset + 8)));
    const message = bytes.subarray(offset + 12, offset + 12 + length);
    assertEquals(view.getUint32(offset + 12 + length, true), maskedCrc32c(message));
    messages.push(message);
    offset += 16 + length;
  }
  return messages;
}

Deno.test("createEventFile() writes records of events in the documented bytes", () => {
  const folder = `${Deno.makeTempDirSync()}/events`;
  const file = createEventFile(folder, 7);
  file.write(150, { "train/loss": 0.5 });
  file.close();
  assertMatch(basename(file.path), /^events\.out\.tfevents\.\d{10}\.relabel\.0$/);
  // A wall time takes nine bytes, key 09 and the double.
  const [version, start, event] = records(file.path).map((message) => {
    assertEquals(message[0], 0x09);
    return message.subarray(9).toHex();
  });
  assertEquals(version, "1a0d" + new TextEncoder().encode("brain.Event:2").toHex());
  assertEquals(start, "1007" + "3a020801");
  assertEquals(
    event,
    "109601" + "2a13" + "0a11" + "0a0a" + new TextEncoder().encode("train/loss").toHex() + "150000003f",
  );
  const other = createEventFile(folder, 0);
  assertMatch(basename(other.path), /^events\.out\.tfevents\.\d{10}\.relabel\.\d$/);
  other.close();
  assertEquals([...Deno.readDirSync(folder)].length, 2);
});

Deno.test("createEventFile() names the folder that it cannot write to", () => {
  const file = Deno.makeTempFileSync();
  assertThrows(
    () => createEventFile(`${file}/events`, 0),
    Error,
    `Cannot write events to "${file}/events": not a directory`,
  );
});

pythonTest("TensorBoard reads an event file, and a later file's steps in place of those of an earlier one", [
  "tensorboard",
], async (run) => {
  const folder = Deno.makeTempDirSync();
  const first = createEventFile(folder, 0);
  for (let step = 0; step < 6; step++) first.write(step, { "train/loss": 6 - step, lr: 0.1 });
  first.close();
  // Files are read in the order of their seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const second = createEventFile(folder, 3);
  for (let step = 3; step < 5; step++) second.write(step, { "train/loss": 100 + step, lr: 0.1 });
  second.close();
  const out = await run(
    `
import sys, json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1]); a.Reload()
print(json.dumps([sorted(a.Tags()["scalars"]), [[e.step, e.value] for e in a.Scalars("train/loss")]]))
`,
    folder,
  );
  assertEquals(JSON.parse(out), [["lr", "train/loss"], [[0, 6], [1, 5], [2, 4], [3, 103], [4, 104]]]);
});
