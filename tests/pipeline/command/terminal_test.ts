import { assertEquals } from "@std/assert";
import { join, relative } from "@std/path";
import { layOut } from "../../../pipeline/command/text_table.ts";
import { csvFormat, jsonFormat } from "../../../pipeline/query/row_format.ts";
import { shellWord } from "../../../pipeline/command/shell_word.ts";
import { printData, printError, printLine, printLines, printText } from "../../../pipeline/command/terminal.ts";
import { ROOT } from "../task.ts";

const HOSTILE = "a\x1b[31m\x9b2J\u202eb";
const SHOWN = "a\\u001b[31m\\u009b2J\\u202eb";

/** What is printed while something runs. */
function printed(action: () => void): { out: string[]; error: string[] } {
  const { log, error } = console;
  const lines = { out: [] as string[], error: [] as string[] };
  console.log = (line: string) => lines.out.push(line);
  console.error = (line: string) => lines.error.push(line);
  try {
    action();
    return lines;
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("lines that are printed hold no control characters of others, and no line more", () => {
  assertEquals(printed(() => printLine(`${HOSTILE}\n100 rows`)).out, [`${SHOWN}\\n100 rows`]);
  assertEquals(printed(() => printLines(["", HOSTILE, { coloured: "\x1b[0m" }])).out, [`\n${SHOWN}\n\x1b[0m`]);
  assertEquals(printed(() => printText(`Usage\n  ${HOSTILE}`)).out, [`Usage\n  ${SHOWN}`]);
  assertEquals(printed(() => printError(`LINE 1:\r\n${HOSTILE}`)).error, [`LINE 1:\\r\n${SHOWN}`]);
});

Deno.test("rows for a program are printed byte for byte, and escaped on a terminal", () => {
  assertEquals(printed(() => printData(HOSTILE, false)).out, [HOSTILE]);
  assertEquals(printed(() => printData(HOSTILE, true)).out, [SHOWN]);
  assertEquals(printed(() => csvFormat(["key"], ["VARCHAR"]).write([HOSTILE])).out, ["key", HOSTILE]);
  const [json] = printed(() => jsonFormat(["key"], ["VARCHAR"]).write([HOSTILE])).out;
  assertEquals(json, `{"key":"${SHOWN}"}`);
  assertEquals(JSON.parse(json), { key: HOSTILE });
});

Deno.test("layOut() makes columns as wide as what is shown", () => {
  assertEquals(layOut([["key", "n"]], [["a\x1b", "1"], ["abc", "20"]], [false, true]), [
    "key       n",
    "-------  --",
    "a\\u001b   1",
    "abc      20",
  ]);
});

Deno.test("shellWord() writes control characters as a shell reads them", async () => {
  for (const text of ["plain/a.jpg", "a b", "it's", HOSTILE, "a'\\\nb", "a\tb\x07"]) {
    const word = shellWord(text);
    assertEquals(/[\p{Cc}\u202e]/u.test(word), false, word);
    const { stdout } = await new Deno.Command("bash", {
      args: ["-c", `printf %s ${word}`],
      env: { LC_ALL: "C.UTF-8" },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), text);
  }
});

Deno.test("no file but terminal.ts and progress.ts writes to standard output or standard error", () => {
  const found: string[] = [];
  const look = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      if (isDirectory) look(path);
      else if (name.endsWith(".ts")) {
        const lines = Deno.readTextFileSync(path).split("\n").filter((line) => !/^\s*\*/.test(line));
        if (lines.some((line) => /\bconsole\b|Deno\.(stdout|stderr)\.(write|writable)|\balert\(/.test(line))) {
          found.push(relative(ROOT, path));
        }
      }
    }
  };
  ["pipeline", "formats", "kernels"].forEach((folder) => look(join(ROOT, folder)));
  assertEquals(found.sort(), ["pipeline/command/progress.ts", "pipeline/command/terminal.ts"]);
});
