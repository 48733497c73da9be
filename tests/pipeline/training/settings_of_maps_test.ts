import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { formatConfiguration } from "../../../pipeline/training/configuration.ts";
import { TRAIN } from "../../../pipeline/training/options.ts";
import { PRESENCE_THRESHOLD } from "../../../pipeline/training/settings_of_maps.ts";
import { mapFolder } from "./data.ts";

const KEYS = ["cat/0.png", "dog/1.png"];

function read(...args: string[]) {
  const command = TRAIN.read(args);
  if (typeof command === "string") throw new TypeError("no training was asked for");
  return command.options;
}

Deno.test("the scores of maps decide loss and threshold of presence, unless these are given", () => {
  const [softmax, sigmoid, presence] = ([undefined, "sigmoid", "presence"] as const)
    .map((scores) => mapFolder(KEYS, { scores }));
  const cases: [string, string[], [loss: string, threshold: number]][] = [
    [softmax, [], ["ce", 0]],
    [sigmoid, [], ["bce", 0]],
    [sigmoid, ["--presence-threshold", "0.5"], ["bce", 0.5]],
    [presence, [], ["bce", PRESENCE_THRESHOLD]],
    [presence, ["--loss", "asl", "--labels", "mix"], ["asl", PRESENCE_THRESHOLD]],
    [presence, ["--presence-threshold", "0"], ["bce", 0]],
    [presence, ["--presence-threshold", "0.2"], ["bce", 0.2]],
    [presence, ["--mode", "local-single"], ["bce", 0]],
    [presence, ["--labels", "cleaned"], ["ce", 0]],
    ["/no/such", [], ["ce", 0]],
  ];
  for (const [maps, args, expected] of cases) {
    const { loss, presenceThreshold } = read("photos", "--maps", maps, ...args);
    assertEquals([loss, presenceThreshold], expected, `${maps} ${args.join(" ")}`);
  }
});

Deno.test("a run that is resumed keeps its own threshold of presence, and what was none before there was one", () => {
  const maps = mapFolder(KEYS, { scores: "presence" });
  const text = formatConfiguration(read("photos", "--maps", maps, "--presence-threshold", "0.2"));
  for (const [configuration, expected] of [[text, 0.2], [text.replace(/^presence-threshold.*\n/m, ""), 0]] as const) {
    const run = Deno.makeTempDirSync();
    Deno.writeTextFileSync(join(run, "config.yaml"), configuration);
    assertEquals(read("--resume", run).presenceThreshold, expected);
  }
});
