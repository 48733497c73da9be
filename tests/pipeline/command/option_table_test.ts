import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import {
  choice,
  choices,
  count,
  flag,
  numbers,
  repeated,
  size,
  text,
  word,
} from "../../../pipeline/command/option_kinds.ts";
import { defineCommand, formatOptions, optionName, readTexts } from "../../../pipeline/command/option_table.ts";

const SPLITS = ["train", "validation", "test"] as const;

const COMMAND = defineCommand({
  name: "make",
  title: "Make things",
  about: "Makes them.",
  options: {
    input: word("INPUT", { isRequired: true }),
    output: word("OUTPUT", { default: "things" }),
    rowsPerFile: count({ default: 1000, help: "rows of a file" }),
    k: count({ name: "top-k", value: "K", help: "classes\nkept" }),
    splits: choices(SPLITS, { name: "split", default: SPLITS, help: "some; default all" }),
    size: size({ default: [64, 64], help: "pixels ({default} at first), of images" }),
    scale: numbers(2, { value: "A,B", default: [0.5, 1], help: "" }),
    strict: flag({ help: "stop" }),
    old: flag({ help: "", isHidden: true }),
  },
  notes: "Exit codes: 0.",
  examples: ["deno task make a"],
});

Deno.test("formatOptions() puts the texts in one column", () => {
  const table = {
    size: count({ value: "N", help: "pixels" }),
    k: count({ name: "top-k", value: "K", help: "classes\nkept" }),
    strict: flag({ help: "stop" }),
  };
  assertEquals(formatOptions(table).split("\n").slice(0, 4), [
    "  --size N   pixels",
    "  --top-k K  classes",
    "             kept",
    "  --strict   stop",
  ]);
});

Deno.test("a command's help and use follow from its table", () => {
  assertEquals(COMMAND.usage, ["make INPUT [OUTPUT] [options]"]);
  assertEquals(COMMAND.help.split("\n").slice(0, 15), [
    "Make things",
    "",
    "Usage: deno task make INPUT [OUTPUT] [options]",
    "",
    "Makes them.",
    "",
    "Options",
    "  --rows-per-file N  rows of a file; default 1000",
    "  --top-k K          classes",
    "                     kept",
    "  --split LIST       some; default all",
    "  --size N|HxW       pixels (64 at first), of images",
    "  --scale A,B        default 0.5,1",
    "  --strict           stop",
    "  --help             this text, as -h. Of an option that is given twice the last one counts",
  ]);
});

Deno.test("a command reads what was given, and has the defaults of the rest", () => {
  const rest = { strict: false, old: false, k: undefined };
  assertEquals(COMMAND.read(["a"]), {
    ...{ input: "a", output: "things", rowsPerFile: 1000, splits: SPLITS, size: [64, 64], scale: [0.5, 1] },
    ...rest,
  });
  assertEquals(
    COMMAND.read([
      "a",
      "b",
      "--top-k=3",
      "--split",
      "test, train",
      "--size",
      "8x9",
      "--scale=1/4,1",
      "--strict",
      "--old",
    ]),
    {
      ...{ input: "a", output: "b", rowsPerFile: 1000, splits: ["train", "test"], size: [8, 9], scale: [0.25, 1] },
      ...{ k: 3, strict: true, old: true },
    },
  );
  assertEquals([COMMAND.read(["-h"]), COMMAND.read(["--version"])], ["help", "version"]);
});

Deno.test("a command refuses what it lacks, does not know, or cannot read, in one sentence", () => {
  const cases: [string[], string][] = [
    [[], "Expected INPUT: see deno task make --help"],
    [["a", "b", "c"], 'Unexpected argument "c": see deno task make --help'],
    [["a", "--rows", "3"], "Unknown option --rows, did you mean --rows-per-file? see deno task make --help"],
    [["a", "--olds"], "Unknown option --olds: see deno task make --help"],
    [["a", "--input", "3"], "Unknown option --input: see deno task make --help"],
    [["a", "--top-k", "0"], "Cannot use --top-k 0: expected a positive integer"],
    [["a", "--split", "train,tset"], "Cannot use --split tset, did you mean test? Known are train, validation, test"],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => COMMAND.read(args), UsageError).message, message);
  }
});

Deno.test("resolve() is told what was given, and may refuse options that do not go together", () => {
  const command = defineCommand({
    name: "make",
    title: "",
    about: "",
    options: { seed: count({ least: 0, default: 0, help: "" }), kind: choice(["a", "b"], { value: "K", help: "" }) },
    resolve({ seed, kind }, given) {
      if (kind === "b" && "seed" in given) throw new UsageError("Cannot use --seed with --kind b");
      return [seed, kind];
    },
  });
  assertEquals([command.read([]), command.read(["--kind", "b"])], [[0, undefined], [0, "b"]]);
  assertThrows(() => command.read(["--kind", "b", "--seed", "0"]), UsageError, "Cannot use --seed with --kind b");
});

Deno.test("readTexts() gives each option's text by its property, true for a flag", () => {
  const table = {
    images: word("IMAGES"),
    rowsPerFile: count({ help: "" }),
    strict: flag({ help: "" }),
    out: text({ value: "F", help: "" }),
  };
  assertEquals(readTexts(table, ["--strict", "photos", "--rows-per-file", "x"], "make"), {
    images: "photos",
    rowsPerFile: "x",
    strict: "true",
  });
  assertEquals([optionName("rowsPerFile"), optionName("k", { name: "top-k" })], ["rows-per-file", "top-k"]);
});

Deno.test("an option that may be given several times has all of its values, and is read like one", () => {
  const command = defineCommand({
    name: "make",
    title: "Make",
    about: "",
    options: { size: repeated(size({ help: "" })), name: text({ value: "A", help: "" }) },
  });
  assertEquals(command.read(["--size", "1", "--name", "a", "--size=2x3", "--name", "b"]), {
    size: [[1, 1], [2, 3]],
    name: "b",
  });
  assertEquals(command.read([]), { size: undefined, name: undefined });
  assertThrows(() => command.read(["--size", "1", "--size", ""]), UsageError, "Option --size needs a value (N|HxW)");
});
