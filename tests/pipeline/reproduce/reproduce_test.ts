import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { supervisionNames } from "../../../pipeline/reproduce/supervisions.ts";
import { readReproduceOptions } from "../../../pipeline/reproduce/options.ts";
import { readTrainOptions } from "../../../pipeline/training/command_options.ts";
import { runTask } from "../task.ts";

Deno.test("deno task reproduce compares all supervisions over three seeds, unless told otherwise", () => {
  const all = { seeds: 3, supervisions: supervisionNames, leastObjects: 3, quick: false, quiet: false };
  assertEquals(readReproduceOptions([]), { ...all, output: "miniature" });
  assertEquals(readReproduceOptions(["--quick"]), { ...all, output: "miniature-quick", seeds: 1, quick: true });
  assertEquals(
    readReproduceOptions(["--supervision", "oracle, mix", "--seeds", "2", "--least-objects", "1", "--output", "here"]),
    {
      ...all,
      output: "here",
      seeds: 2,
      leastObjects: 1,
      supervisions: ["original", "mix", "oracle"],
    },
  );
});

Deno.test("deno task train without images is the miniature", () => {
  assertEquals(readTrainOptions([]), { output: undefined, seed: 0, quick: false, quiet: false });
  assertEquals(readTrainOptions(["--quick", "--seed", "4", "--output", "here", "--quiet"]), {
    output: "here",
    seed: 4,
    quick: true,
    quiet: true,
  });
  for (const [args, found] of [[["photos"], "IMAGES"], [["--epochs", "3"], "--epochs"]] as const) {
    assertThrows(
      () => readTrainOptions([...args, "--quick"]),
      UsageError,
      `Cannot use --quick with ${found}: it is for`,
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
