import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { JOIN, readOtherOptions, SLURM, STATUS } from "../../../pipeline/cluster/options.ts";
import { runTask } from "../task.ts";

Deno.test("SLURM takes relabel's options beside its own", () => {
  const words = ["photos", "--out", "labels", "--shards", "16", "--size=64", "--strict", "--rows-per-file", "50"];
  const command = SLURM.read([
    ...words,
    ...["--submit", "--sbatch", "--partition=gpu --gres=gpu:1", "--concurrent", "4", "--time", "1-12:00", "--report"],
  ]);
  if (typeof command === "string") throw new Error("Not help");
  const { relabel, ...own } = command;
  assertEquals(own, {
    relabelArguments: ["--size=64", "--strict"],
    shards: 16,
    submit: true,
    sbatch: "--partition=gpu --gres=gpu:1",
    concurrent: 4,
    time: "1-12:00",
  });
  const { images, out, size, strict, rowsPerFile, report } = relabel;
  assertEquals({ images, out, size, strict, rowsPerFile, report }, {
    images: "photos",
    out: "labels",
    size: [64, 64],
    strict: true,
    rowsPerFile: 50,
    report: true,
  });
});

Deno.test("SLURM gives a task every annotator and size that it was given", () => {
  const given = ["--annotator=a b", "--annotator=c", "--size=64", "--size=96"];
  const command = SLURM.read(["photos", "--shards", "2", ...given]);
  if (typeof command === "string") throw new Error("Not help");
  assertEquals(command.relabelArguments, given);
  assertEquals(command.relabel.annotator, ["a b", "c"]);
});

Deno.test("usual mistakes are answered with one sentence", () => {
  const sentences: Record<string, () => unknown> = {
    "Expected --shards N, the number of tasks: see deno task cluster slurm --help": () => SLURM.read(["photos"]),
    "Cannot use --shards 0: expected a positive integer": () => SLURM.read(["photos", "--shards", "0"]),
    "Cannot use --shard: --shards says how many there are, and each task has its own": () =>
      SLURM.read(["photos", "--shards", "2", "--shard", "0/2"]),
    "Cannot use --write-list: the list of images is written beside the scripts": () =>
      SLURM.read(["photos", "--shards", "2", "--write-list", "x"]),
    "Cannot use --size abc: expected N or HxW, in pixels": () =>
      SLURM.read(["photos", "--shards", "2", "--size", "abc"]),
    "Cannot use --dtype fp61, did you mean fp32? Known are fp32, fp16, fp8_e4m3, fp8_e5m2": () =>
      SLURM.read(["photos", "--shards", "2", "--dtype", "fp61"]),
    "Cannot use --sbatch \"gpu\": expected options, '--partition=gpu --gres=gpu:1'": () =>
      SLURM.read(["photos", "--shards", "2", "--sbatch", "gpu"]),
    "Cannot use --array in --sbatch: the scripts set it, from --shards and --concurrent": () =>
      SLURM.read(["photos", "--shards", "2", "--sbatch", "--partition=gpu --array=0-3"]),
    "Cannot use --time tomorrow: expected minutes, H:MM:SS or D-HH:MM:SS": () =>
      SLURM.read(["photos", "--shards", "2", "--time", "tomorrow"]),
    "Unknown option --partition: see deno task cluster slurm --help": () =>
      SLURM.read(["photos", "--shards", "2", "--partition=gpu"]),
    "Expected FOLDER: see deno task cluster join --help": () => JOIN.read([]),
    "Expected FOLDER: see deno task cluster status --help": () => STATUS.read([]),
    "Expected slurm, join or status: see deno task cluster --help": () => readOtherOptions([]),
    'Unknown command "stat", did you mean status? Known are slurm, join, status: see deno task cluster --help': () =>
      readOtherOptions(["stat"]),
  };
  for (const [sentence, read] of Object.entries(sentences)) {
    assertEquals(assertThrows(read, UsageError).message, sentence);
  }
});

Deno.test("deno task cluster slurm refuses arguments that would break out of a line of its scripts", () => {
  for (const bad of ["\n#SBATCH --wrap=x", "\r", "\0", "\u2028", "\u0085", "\x1b[2J", "\t", "\u202e"]) {
    const cases = [
      [`photos${bad}`],
      ["photos", `--out=labels${bad}`],
      ["photos", "--out", `labels${bad}`],
      ["photos", "--annotator", `hf:owner/name${bad}`],
      ["photos", "--list", `list${bad}`],
      ["photos", "--sbatch", `--partition=gpu${bad}`],
      ["photos", "--time", `4:00:00${bad}`],
      ["photos", "--shards", `2${bad}`],
      ["--", `photos${bad}`],
    ];
    for (const args of cases) {
      const { message } = assertThrows(() => SLURM.read(["--shards", "2", ...args]), UsageError);
      const [given] = args.filter((arg) => arg.endsWith(bad));
      assertEquals(
        message,
        `Cannot write a script with the argument ${JSON.stringify(given)}: it has control characters`,
      );
    }
  }
});

Deno.test("deno task cluster and its commands tell of -h and --version", () => {
  for (const read of [readOtherOptions, SLURM.read, JOIN.read, STATUS.read]) {
    assertEquals([read(["-h"]), read(["--help"]), read(["--version"])], ["help", "help", "version"]);
  }
});

Deno.test("deno task cluster and each of its commands have a help", async () => {
  for (const words of [[], ["slurm"], ["join"], ["status"]]) {
    const { code, out, error } = await runTask("cluster", ...words, "--help");
    assertEquals([code, error], [0, ""]);
    assertEquals(
      out.split("\n").find((line) => line.startsWith("Usage: "))?.startsWith(
        ["Usage: deno task cluster", ...words].join(" "),
      ),
      true,
    );
  }
  const wrong = await runTask("cluster", "slrum");
  assertEquals([wrong.code, wrong.out], [2, ""]);
});
