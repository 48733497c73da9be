import { assertEquals, assertThrows } from "@std/assert";
import { formatOptions, readArguments, readChoice, readCount, UsageError } from "../../pipeline/command_line.ts";
import { readRelabelOptions } from "../../pipeline/relabel_options.ts";

const OPTIONS = {
  size: { value: "N", help: "pixels" },
  "top-k": { value: "K", help: "classes\nkept" },
  strict: { help: "stop" },
} as const;

const read = (...args: string[]) => readArguments(args, OPTIONS, "deno task relabel", 1);

Deno.test("readArguments() tells words, values and switches apart", () => {
  const given = read("photos", "--size", "64", "--strict", "--top-k=3");
  assertEquals(given.words, ["photos"]);
  assertEquals([given.text("size"), given.text("top-k"), given.has("strict"), given.has("help")], [
    "64",
    "3",
    true,
    false,
  ]);
  assertEquals(read("--strict", "photos").words, ["photos"]);
  assertEquals(read("--", "--size").words, ["--size"]);
  assertEquals(read("0012").words, ["0012"]);
});

Deno.test("readArguments() refuses what it does not understand, with the nearest name", () => {
  const cases: [string[], string][] = [
    [["--sise", "3"], "Unknown option --sise, did you mean --size? see deno task relabel --help"],
    [["--topk=3"], "Unknown option --topk, did you mean --top-k? see deno task relabel --help"],
    [["-s"], "Unknown option -s, did you mean --size? see deno task relabel --help"],
    [["--no-strict"], "Unknown option --no-strict, did you mean --strict? see deno task relabel --help"],
    [["--size"], "Option --size needs a value (N): see deno task relabel --help"],
    [["--size="], "Option --size needs a value (N): see deno task relabel --help"],
    [["--size", "--strict"], "Option --size needs a value (N): see deno task relabel --help"],
    [["--strict=1"], "Option --strict takes no value: see deno task relabel --help"],
    [["a", "b"], 'Unexpected argument "b": see deno task relabel --help'],
  ];
  for (const [args, message] of cases) assertThrows(() => read(...args), UsageError, message);
});

Deno.test("formatOptions() puts the texts in one column", () => {
  assertEquals(
    formatOptions(OPTIONS),
    "  --size N   pixels\n  --top-k K  classes\n             kept\n  --strict   stop\n  --help     this text",
  );
});

Deno.test("readCount() and readChoice() refuse other values", () => {
  assertEquals(readCount("12", "limit"), 12);
  for (const text of ["0", "-1", "1.5", "1e3", "x", "99999999999999999999"]) {
    const message = `Cannot use --limit ${text}: expected a positive integer`;
    assertThrows(() => readCount(text, "limit"), UsageError, message);
  }
  assertEquals([readCount("0", "seed", 0), readCount("7", "seed", 0)], [0, 7]);
  assertThrows(() => readCount("-1", "seed", 0), UsageError, "Cannot use --seed -1: expected 0 or more");
  assertEquals(readChoice("b", "kind", ["a", "b"]), "b");
  const message = "Cannot use --dtype f16, did you mean fp16? Known are fp32, fp16";
  assertThrows(() => readChoice("f16", "dtype", ["fp32", "fp16"]), UsageError, message);
});

Deno.test("readRelabelOptions() reads sizes and shards, and leaves out what was not given", () => {
  const command = readRelabelOptions(["--size", "224x448", "--shard", "2/3", "--show", "0"]);
  if (command === "help") throw new TypeError("help was not asked for");
  assertEquals([command.size, command.shard, command.show], [[224, 448], { index: 2, count: 3 }, 0]);
  assertEquals([command.images, command.annotator, command.batch, command.dtype], Array(4).fill(undefined));
  assertEquals([command.out, command.strict, command.quiet], ["labels", false, false]);
  assertEquals(readRelabelOptions(["--help"]), "help");
  const cases = [
    ["--size", "0", "Cannot use --size 0: expected N or HxW, in pixels"],
    ["--size", "64x", "Cannot use --size 64x: expected N or HxW, in pixels"],
    ["--shard", "2/2", "Cannot use --shard 2/2: expected i/n with i from 0 to n - 1, auto, auto/N or none"],
    ["--shard", "1", "Cannot use --shard 1: expected i/n with i from 0 to n - 1, auto, auto/N or none"],
    ["--dtype", "fp23", "Cannot use --dtype fp23, did you mean fp32? Known are fp32, fp16, fp8_e4m3, fp8_e5m2"],
    ["--show", "x", "Cannot use --show x: expected a positive integer"],
  ];
  for (const [name, value, message] of cases) {
    assertThrows(() => readRelabelOptions([name, value]), UsageError, message);
  }
});
