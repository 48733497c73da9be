import { assertEquals } from "@std/assert";
import { formatDuration, formatNumberOf } from "../../../pipeline/command/numbers.ts";
import { progressLine, showProgress } from "../../../pipeline/command/progress.ts";

/** A stream that keeps what is written, and whose clock is set. */
function recorder(isTerminal: boolean) {
  const written: string[] = [];
  const stream = {
    written,
    isTerminal,
    time: 0,
    write: (text: string) => void written.push(text),
    now: () => stream.time,
  };
  return stream;
}

const state = (done: number) => ({ done, before: 0, total: 1000, rejected: 0 });

Deno.test("progressLine() tells images, speed, time left and rejected images", () => {
  const progress = { done: 1300, before: 300, total: 51_300, rejected: 2 };
  assertEquals(progressLine(progress, 10), "1,300/51,300 images  100.0 images/s  8 min 20 s left  2 rejected");
  assertEquals(progressLine(state(0), 0), "0/1,000 images");
  assertEquals(progressLine(state(1000), 4), "1,000/1,000 images  250.0 images/s");
});

Deno.test("showProgress() writes a line every 30 s into a log, and the last state", () => {
  const stream = recorder(false);
  const progress = showProgress(stream);
  for (let done = 0; done <= 1000; done++) {
    stream.time = done * 70;
    progress.update(state(done));
  }
  progress.end();
  assertEquals(stream.written.map((line) => line.split("  ")[0]), [
    "429/1,000 images",
    "858/1,000 images",
    "1,000/1,000 images",
  ]);
  assertEquals(stream.written.at(-1), "1,000/1,000 images  14.3 images/s\n");
});

Deno.test("showProgress() rewrites one line on a terminal, and clears it before a line that stays", () => {
  const stream = recorder(true);
  const progress = showProgress(stream);
  progress.update(state(0));
  stream.time = 100;
  progress.update(state(10));
  stream.time = 150;
  progress.update(state(15));
  progress.print("A line");
  progress.end();
  assertEquals(stream.written, [
    "\r\x1b[2K10/1,000 images  100.0 images/s  9.9 s left",
    "\r\x1b[2K",
    "A line\n",
  ]);
});

Deno.test("showProgress() tells how far a download is, and its end", () => {
  const stream = recorder(false);
  const progress = showProgress(stream);
  for (let received = 0; received <= 20_000_000; received += 10_000_000) {
    progress.download({ file: "model.safetensors", received, total: 20_000_000 });
  }
  assertEquals(stream.written, ["model.safetensors: 20.0 of 20.0 MB (100 %)\n"]);
});

Deno.test("formatDuration() uses the two largest units", () => {
  const cases = [[0, "0.0 s"], [9.94, "9.9 s"], [59.4, "59 s"], [59.6, "1 min 0 s"], [3599, "59 min 59 s"]] as const;
  for (const [seconds, text] of cases) assertEquals(formatDuration(seconds), text);
  assertEquals([formatDuration(18_200), formatDuration(200_000)], ["5 h 3 min", "2 d 7 h"]);
  assertEquals([formatNumberOf(1, "image"), formatNumberOf(2000, "class", "classes")], ["1 image", "2,000 classes"]);
});

Deno.test("showProgress() shows control characters of file names escaped, on a terminal and in a log", () => {
  for (const isTerminal of [true, false]) {
    const stream = recorder(isTerminal);
    const progress = showProgress(stream);
    progress.print("9 images in a\x1b]0;b\x07\n100 images");
    progress.show("a\u009b2J\r.tar", true);
    progress.download({ file: "model\x1b[A.bin", received: 1, total: 1 });
    progress.end();
    const text = stream.written.join("").replaceAll("\r\x1b[2K", "");
    assertEquals(/[^\P{Cc}\n]/u.test(text), false, text);
    assertEquals(text.includes("9 images in a\\u001b]0;b\\u0007\\n100 images\n"), true, text);
  }
});
