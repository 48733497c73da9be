/**
 * Runs tests of kernels on SwiftShader, the software Vulkan that comes with Chromium.
 *
 * At times the heap is found broken while the process ends ("double free or corruption"): so ended 2 of 30 runs of four
 * tests that only doubled an array, all of which had passed, since a thread of Deno frees memory while `exit()` already ends
 * the libraries. Deno writes the tests' report before that, and no report where a test ends the process. So after an abort
 * the report decides, and the abort is said.
 *
 * Its arguments are those of `deno test`.
 */
import { assertMatch } from "@std/assert";

const DRIVER = "/usr/lib/chromium/vk_swiftshader_icd.json";

const report = await Deno.makeTempFile({ suffix: ".xml" });
try {
  await Deno.stat(DRIVER);
  const { success, code, signal } = await new Deno.Command("deno", {
    args: ["test", "--parallel", "--no-prompt", "--allow-read", "--allow-ffi", "--allow-env", `--junit-path=${report}`]
      .concat(Deno.args),
    env: { VK_DRIVER_FILES: DRIVER },
  }).spawn().status;
  if (signal === "SIGABRT" || signal === "SIGSEGV") {
    const [suites] = (await Deno.readTextFile(report)).match(/<testsuites [^>]*>/) ?? [""];
    assertMatch(
      suites,
      /tests="[1-9]\d*" failures="0" errors="0"/,
      `${signal} before the tests had ended, or with a failure`,
    );
    console.log(`All tests had passed when the end of the process was ${signal}`);
  } else if (!success) Deno.exit(code);
} finally {
  await Deno.remove(report);
}
