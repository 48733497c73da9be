import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { DIGITS_FILE, readDigits } from "../../../../pipeline/reproduce/canvases/digits.ts";
import { digitTable, writeDigits } from "./small_digits.ts";

Deno.test("readDigits() reads the table, gzipped or not, whose last third is for tests", async () => {
  for (const isPacked of [true, false]) {
    const { train, test } = await readDigits(writeDigits(digitTable(30), isPacked));
    assertEquals([train.values.length, test.values.length], [20 * 64, 10 * 64]);
    assertEquals([...train.classes], [...test.classes, ...test.classes]);
    // A digit's first row is as bright as the digit, of 16.
    assertEquals([...train.values.subarray(3 * 64, 3 * 64 + 9)], [...Array(8).fill(Math.round(255 * 3 / 16)), 0]);
  }
});

Deno.test("readDigits() says which line is something else, and which digits are not there", async () => {
  const refuses = async (table: string, message: string) => {
    await assertRejects(() => readDigits(writeDigits(table, false)), TypeError, message);
  };
  const [first, second, ...others] = digitTable(30).split("\n");
  await refuses([first, `${second},1`, ...others].join("\n"), 'line 2 is "1,1,1,');
  await refuses([second.replace("0", "17"), first, ...others].join("\n"), 'line 1 is "1,1,1,');
  await refuses([second.replace("0", ""), first, ...others].join("\n"), "expected 64 values of 0 to 16 and a digit");
  await refuses(second.replace(/1$/, "10"), "line 1 is");
  await refuses("", 'line 1 is ""');
  await refuses(digitTable(12), "its 8 train lines have no 8, 9");
  const folder = Deno.makeTempDirSync();
  await assertRejects(
    () => readDigits(join(folder, "digits.csv.gz")),
    Deno.errors.NotFound,
    "there is no such file; Debian's package python3-sklearn has it, or name it by --digits",
  );
});

const isInstalled = await Deno.stat(DIGITS_FILE).then(() => true, () => false);

Deno.test({
  name: `readDigits() reads Debian's package${isInstalled ? "" : ": ignored, python3-sklearn is not installed"}`,
  ignore: !isInstalled,
  async fn() {
    const { train, test } = await readDigits(DIGITS_FILE);
    assertEquals([train.classes.length, test.classes.length], [1198, 599]);
    assert(train.values.includes(255));
  },
});
