import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { supervisionNames } from "../../../pipeline/reproduce/supervisions.ts";
import { REPRODUCE } from "../../../pipeline/reproduce/options.ts";
import { TRAIN } from "../../../pipeline/training/options.ts";
import { runTask } from "../task.ts";

Deno.test("deno task reproduce compares all supervisions over three seeds, unless told otherwise", () => {
  const all = {
    study: "supervisions" as const,
    data: "scenes" as const,
    fashion: "/usr/share/datasets/fashion-mnist",
    digits: "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz",
    target: undefined,
    seeds: 3,
    supervisions: supervisionNames,
    leastObjects: 3,
    quick: false,
    quiet: false,
  };
  assertEquals(REPRODUCE.read([]), { ...all, output: "miniature" });
  const quick = { ...all, output: "miniature-quick", seeds: 1, quick: true };
  assertEquals(REPRODUCE.read(["--quick"]), { ...quick, supervisions: ["original", "local-multi"] });
  assertEquals(REPRODUCE.read(["--quick", "--supervision", supervisionNames.toReversed().join()]), quick);
  assertEquals(
    REPRODUCE.read(["--supervision", "oracle, mix", "--seeds", "2", "--least-objects", "1", "--output", "here"]),
    {
      ...all,
      output: "here",
      seeds: 2,
      leastObjects: 1,
      supervisions: ["original", "mix", "oracle"],
    },
  );
});

Deno.test("deno task reproduce --study and --data name another folder, and are refused with what they do not use", () => {
  const { output, supervisions } = { ...Object(REPRODUCE.read(["--study", "factors", "--quick"])) };
  assertEquals(output, "miniature-factors-quick");
  assertEquals(supervisions, ["original", "global-single", "global-multi", "local-single", "local-multi"]);
  const fashion = Object(REPRODUCE.read(["--data", "fashion"]));
  assertEquals([fashion.output, fashion.leastObjects], ["miniature-fashion", 2]);
  assertThrows(() => REPRODUCE.read(["--study", "factor"]), UsageError, "did you mean factors?");
});

Deno.test("deno task train without images, as before it had any, names the comparison that makes its own", () => {
  for (const args of [[], ["--seed", "4"], ["--output", "here", "--quiet"]]) {
    assertThrows(
      () => TRAIN.read(args),
      UsageError,
      "Cannot train without IMAGES: see deno task train --help; deno task reproduce --quick makes images of its own",
    );
  }
  for (const args of [["--quick"], ["photos", "--quick"]]) {
    assertThrows(
      () => TRAIN.read(args),
      UsageError,
      "Cannot train with --quick: the comparison is deno task reproduce",
    );
  }
});

Deno.test("deno task reproduce says how it is used", async () => {
  const { code, out } = await runTask("reproduce", "--help");
  assertEquals(code, 0);
  for (const name of supervisionNames) assertStringIncludes(out, `\n  ${name} `);
  const wrong = await runTask("reproduce", "--supervision", "orakel");
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.error, "Cannot use --supervision orakel, did you mean oracle?");
});
