import { assertEquals, assertThrows } from "@std/assert";
import { readArguments, UsageError } from "../../../pipeline/command/command_line.ts";
import { choice, count, parseNumber } from "../../../pipeline/command/option_kinds.ts";
import type { Command } from "../../../pipeline/command/option_table.ts";
import { EVALUATE } from "../../../pipeline/evaluation/options.ts";
import { RELABEL } from "../../../pipeline/relabel/options.ts";
import { REPORT } from "../../../pipeline/report/options.ts";
import { TRAIN } from "../../../pipeline/training/options.ts";
import { VERIFY } from "../../../pipeline/verify/options.ts";

const OPTIONS = {
  size: { value: "N", help: "pixels" },
  "top-k": { value: "K", help: "classes\nkept" },
  strict: { help: "stop" },
} as const;

function read(...args: string[]) {
  const given = readArguments(args, OPTIONS, "deno task relabel", 1);
  if (typeof given === "string") throw new TypeError(`${given} was not asked for`);
  return given;
}

Deno.test("readArguments() tells words, values and switches apart", () => {
  const given = read("photos", "--size", "64", "--strict", "--top-k=3");
  assertEquals(given.words, ["photos"]);
  assertEquals([given.text("size"), given.text("top-k"), given.has("strict")], ["64", "3", true]);
  assertEquals([read().text("size"), read().has("strict")], [undefined, false]);
  assertEquals(read("--strict", "photos").words, ["photos"]);
  assertEquals(read("--", "--size").words, ["--size"]);
  assertEquals(read("--strict", "--", "-h").words, ["-h"]);
  assertEquals([read("0012").words, read("-").words, read("-5").words], [["0012"], ["-"], ["-5"]]);
});

Deno.test("readArguments() takes values with dashes, equals signs, lines and spaces as they are", () => {
  for (const value of ["-1", "-.5", "-1e-3", "-", "a=b=c", "a\nb", " "]) {
    assertEquals(read("--size", value).text("size"), value);
    assertEquals(read(`--size=${value}`).text("size"), value);
  }
  for (const value of ["--strict", "-x", "--"]) assertEquals(read(`--size=${value}`).text("size"), value);
});

Deno.test("readArguments() takes the last of an option that is given twice", () => {
  assertEquals(read("--size", "1", "--strict", "--size=2", "--strict").text("size"), "2");
});

Deno.test("readArguments() tells that help or the version is asked for, whatever else is", () => {
  const asked = (...args: string[]) => readArguments(args, OPTIONS, "deno task relabel", 1);
  assertEquals([asked("--help"), asked("-h"), asked("a", "b", "--size", "3", "-h")], ["help", "help", "help"]);
  assertEquals([asked("--version"), asked("--version", "--help")], ["version", "help"]);
});

Deno.test("readArguments() refuses what it does not understand, with the nearest name if there is one", () => {
  const cases: [string[], string][] = [
    [["--sise", "3"], "Unknown option --sise, did you mean --size? see deno task relabel --help"],
    [["--topk=3"], "Unknown option --topk, did you mean --top-k? see deno task relabel --help"],
    [["-size", "3"], "Unknown option -size, did you mean --size? see deno task relabel --help"],
    [["--no-strict"], "Unknown option --no-strict, did you mean --strict? see deno task relabel --help"],
    [["--str"], "Unknown option --str, did you mean --strict? see deno task relabel --help"],
    [["-s"], "Unknown option -s: see deno task relabel --help"],
    [["-x=3"], "Unknown option -x: see deno task relabel --help"],
    [["--x"], "Unknown option --x: see deno task relabel --help"],
    [["--quality", "3"], "Unknown option --quality: see deno task relabel --help"],
    [["--constructor"], "Unknown option --constructor: see deno task relabel --help"],
    [["---size"], "Unknown option ---size, did you mean --size? see deno task relabel --help"],
    [["--size"], "Option --size needs a value (N): see deno task relabel --help"],
    [["--size="], "Option --size needs a value (N): see deno task relabel --help"],
    [["--size", ""], "Option --size needs a value (N): see deno task relabel --help"],
    [
      ["--size", "--strict"],
      "Option --size needs a value (N), and --strict looks like an option; if it is the value, write --size=--strict",
    ],
    [["--size", "-o"], "Option --size needs a value (N), and -o looks like an option"],
    [["--strict=1"], "Option --strict takes no value: see deno task relabel --help"],
    [["--help=1"], "Option --help takes no value: see deno task relabel --help"],
    [["a", "b"], 'Unexpected argument "b": see deno task relabel --help'],
  ];
  for (const [args, message] of cases) {
    const { message: found } = assertThrows(() => read(...args), UsageError);
    assertEquals(found.slice(0, message.length), message);
  }
});

Deno.test("count() and choice() refuse other values", () => {
  const limit = count({ help: "" });
  assertEquals(limit.read("12", "limit"), 12);
  for (const text of ["0", "-1", "1.5", "1e3", "x", "", " 1", "0x1", "99999999999999999999"]) {
    const message = `Cannot use --limit ${text}: expected a positive integer`;
    assertThrows(() => limit.read(text, "limit"), UsageError, message);
  }
  const seed = count({ help: "", least: 0, most: 7 });
  assertEquals([seed.read("0", "seed"), seed.read("7", "seed")], [0, 7]);
  assertThrows(() => seed.read("-1", "seed"), UsageError, "Cannot use --seed -1: expected an integer, 0 or more");
  assertThrows(() => seed.read("8", "seed"), UsageError, "Cannot use --seed 8: expected 0 to 7");
  assertEquals(choice(["a", "b"], { value: "K", help: "" }).read("b", "kind"), "b");
  const message = "Cannot use --dtype f16, did you mean fp16? Known are fp32, fp16";
  const dtype = choice(["fp32", "fp16"], { value: "TYPE", help: "" });
  assertThrows(() => dtype.read("f16", "dtype"), UsageError, message);
  const kind = choice(["hw", "wh"], { value: "K", help: "" });
  for (const text of ["jpeg", "FP16!!", ""]) {
    const { message } = assertThrows(() => kind.read(text, "kind"), UsageError);
    assertEquals(message, `Cannot use --kind ${text}: known are hw, wh`);
  }
});

Deno.test("numbers, fractions among them, are written in one way for every option", () => {
  const cases = { "0.5": 0.5, ".5": 0.5, "5.": 5, "8/255": 8 / 255, "1e-3": 1e-3, "+2": 2, "-1.5": -1.5, "007": 7 };
  for (const [text, number] of Object.entries(cases)) assertEquals(parseNumber(text), number);
  for (const text of ["", " ", "1 ", "0x1", "Infinity", "NaN", "1/0", "1/2/3", "1,5", "1_000", "1e999", "١"]) {
    assertEquals(parseNumber(text), NaN);
  }
  const options: [string, (text: string) => unknown][] = [
    ["lr", (text) => readTraining("--lr", text).lr],
    ["scale", (text) => readTraining("--scale", `${text},1`).scale[0]],
    ["fgsm", (text) => evaluation("--fgsm", text).fgsm],
    ["threshold", (text) => optionsOf(REPORT, "--threshold", text).threshold],
    ["tolerance", (text) => tolerance(text)],
  ];
  for (const [name, readOne] of options) {
    for (const [text, number] of Object.entries({ "1/8": 0.125, ".25": 0.25, "1e-1": 0.1 })) {
      assertEquals(readOne(text), number, name);
    }
    for (const text of ["0x1", "1/0", "half", "1/8 of it", "NaN"]) {
      assertThrows(() => readOne(text), UsageError, `Cannot use --${name} ${text}`);
    }
  }
});

Deno.test("sizes are written in one way for every command", () => {
  const options: [string, (text: string) => unknown][] = [
    ["relabel", (text) => optionsOf(RELABEL, "--size", text).size],
    ["train", (text) => readTraining("--size", text).size],
    ["evaluate", (text) => evaluation("--size", text).size],
    ["evaluate --resize", (text) => evaluation("--resize", text).resize],
  ];
  for (const [command, readOne] of options) {
    assertEquals([readOne("224"), readOne("224x448")], [[224, 224], [224, 448]], command);
    for (const text of ["0", "64x", "x64", "64,64", "64X64", "6.4", "64 x 64", "1x0", "9007199254740993"]) {
      assertThrows(() => readOne(text), UsageError, `size ${text}: expected N or HxW, in pixels`, command);
    }
  }
});

function optionsOf<Options extends object>(command: Command<Options>, ...args: string[]): Options {
  const options = command.read(args);
  if (typeof options === "string") throw new TypeError(`${options} was not asked for`);
  return options;
}

const readTraining = (...args: string[]) => optionsOf(TRAIN, "photos", ...args).options;

const evaluation = (...args: string[]) => optionsOf(EVALUATE, "photos", ...args);

function tolerance(text: string): number | undefined {
  return optionsOf(VERIFY, "--annotator", "a", "--images", "b", "--tolerance", text).again?.tolerance;
}

Deno.test("RELABEL reads annotators and sizes that are given again as lists, in order", () => {
  const command = optionsOf(
    RELABEL,
    "--annotator",
    "b,c",
    "--size",
    "224",
    "--annotator=a",
    "--size",
    "64x32",
    "--grid",
    "7",
  );
  assertEquals([command.annotator, command.size, command.grid], [["b,c", "a"], [[224, 224], [64, 32]], [7, 7]]);
  assertEquals(optionsOf(RELABEL, "--annotator", "a").annotator, "a");
  assertThrows(() => RELABEL.read(["--size", "64", "--size", "x"]), UsageError, "Cannot use --size x");
});

Deno.test("RELABEL refuses to take classes from two places", () => {
  for (const other of ["--classes", "--class-embeddings"]) {
    const args = ["--classes-from", "imagenet", other, "file"];
    assertThrows(() => RELABEL.read(args), UsageError, `Cannot use --classes-from and ${other} together`);
  }
});

Deno.test("RELABEL refuses a scale of no class embeddings", () => {
  assertThrows(() => RELABEL.read(["--embedding-scale", "10"]), UsageError, "without --class-embeddings");
  assertEquals(optionsOf(RELABEL, "--embedding-scale", "10", "--class-embeddings", "a").embeddingScale, 10);
});

Deno.test("RELABEL refuses --average where there is nothing to average", () => {
  for (const others of [[], ["--size", "64"], ["--annotator", "a"]]) {
    const args = ["--average", "probabilities", ...others];
    assertThrows(() => RELABEL.read(args), UsageError, "Cannot use --average: there is one map of each image");
  }
  for (const others of [["--mirror"], ["--grid", "3"], ["--size", "64", "--size", "96"]]) {
    assertEquals(optionsOf(RELABEL, "--average", "probabilities", ...others).average, "probabilities");
  }
});

Deno.test("RELABEL reads sizes and shards, and leaves out what was not given", () => {
  const command = optionsOf(RELABEL, "--size", "224x448", "--shard", "2/3", "--show", "0");
  assertEquals([command.size, command.shard, command.show], [[224, 448], { index: 2, count: 3 }, 0]);
  assertEquals([command.images, command.annotator, command.batch, command.dtype], Array(4).fill(undefined));
  assertEquals([command.out, command.strict, command.quiet], ["labels", false, false]);
  assertEquals(RELABEL.read(["--help"]), "help");
  const cases = [
    ["--size", "0", "Cannot use --size 0: expected N or HxW, in pixels"],
    ["--grid", "0", "Cannot use --grid 0: expected N or HxW, in cells"],
    ["--temperature", "0", "Cannot use --temperature 0: expected a number, 0.01 to 100"],
    ["--size", "64x", "Cannot use --size 64x: expected N or HxW, in pixels"],
    ["--shard", "2/2", "Cannot use --shard 2/2: expected i/n with i from 0 to n - 1, auto, auto/N or none"],
    ["--shard", "1", "Cannot use --shard 1: expected i/n with i from 0 to n - 1, auto, auto/N or none"],
    ["--dtype", "fp23", "Cannot use --dtype fp23, did you mean fp32? Known are fp32, fp16, fp8_e4m3, fp8_e5m2"],
    ["--show", "x", "Cannot use --show x: expected an integer, 0 or more"],
  ];
  for (const [name, value, message] of cases) {
    assertThrows(() => RELABEL.read([name, value]), UsageError, message);
  }
});
