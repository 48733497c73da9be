import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./pipeline/task.ts";

/** A rule of doc comments that is broken: which, and by which words. */
type Finding = readonly [rule: string, words: string];

/** What a rate or count is of, and what it is per. */
const COUNTED = "bytes|cells|classes|crops|dispatches|files|images|labels|maps|pixels|reads|rows|steps|targets|values";
const UNITS =
  "batch|cell|class|crop|epoch|file|group|image|lane|map|page|part|pixel|process|rank|row|second|shard|step|task";
const RATE = new RegExp(`\\b(?:${COUNTED}) an? (?:${UNITS})\\b`);

/** Words that stand for something that the comment has not named. */
const PRONOUN =
  /^(?:They|Them|Those|These|It|The same(?: in| of)?|(?:All|Both|Each|Which) of (?:it|them)|That of|Where (?:they|it) (?:is|are|lie|stand|was|begins?|come from))\b/;

/** Results that say what a function does, or what its own result says, without a noun. */
const NO_NOUN = /^(?:Finds|Gives|Makes|Reads|Takes|Writes|What it (?:is|gives|says|holds))\b/;

/** First words of a description that is nothing but a question or a part of a sentence. */
const FRAGMENT = /^(?:As|By|For|From|How|Its|Of|Their|To|What|When|Where|Which|Who|Whose|Why)\b/;

/** Tags of a comment, without the stars at the beginning of its lines. */
function tagsOf(comment: string): string[] {
  return comment.replaceAll(/\n\s*\* ?/g, "\n").split(/\n(?=@)/).map((tag) => tag.trim());
}

/** What a tag says, without its own name and that of the parameter or error. */
function descriptionOf(tag: string): string | undefined {
  return tag.match(/^@(?:param \w+|returns|throws \{[^}]*\})\s*([\s\S]*)$/)?.[1];
}

/** A symbol as `deno doc --json` describes it. */
interface Symbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly def?: { readonly params: readonly unknown[]; readonly returnType?: { readonly repr?: string } };
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
  }[];
}

/** Finds the riddles in a text's doc comments. */
function findRiddles(text: string): Finding[] {
  const found: Finding[] = [];
  for (const [, comment] of text.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    for (const tag of tagsOf(comment)) {
      const words = tag.replaceAll("\n", " ").slice(0, 100);
      const description = descriptionOf(tag);
      if (description === undefined) {
        const isShort = tag.split(/\s+/).length <= 3 && (FRAGMENT.test(tag) || /^(?:Default|In|With)\b/.test(tag));
        if (isShort || /^Of\b/.test(tag) || PRONOUN.test(tag)) found.push(["a comment names what it is about", words]);
      } else {
        const count = description.split(/\s+/).length;
        const isResult = tag.startsWith("@returns");
        if (count < 2 || (count < 3 && FRAGMENT.test(description))) found.push(["a tag says what it is", words]);
        else if (/^Of\b/.test(description) || PRONOUN.test(description)) {
          found.push(["a tag names what it is about", words]);
        } else if (isResult && NO_NOUN.test(description)) found.push(["a result has a noun", words]);
      }
      const rate = tag.match(RATE);
      if (rate) found.push(["rates and counts are per something", rate[0]]);
    }
  }
  return found;
}

/** Finds exported functions whose comments leave out a parameter or that they throw. */
function findOmissions(text: string): Finding[] {
  const found: Finding[] = [];
  const functions = text.matchAll(
    /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)?\n(?:\/\/ deno-lint-ignore .*\n)?export (?:async )?function\*? (\w+)[\s\S]*?\n}\n/g,
  );
  for (const [whole, comment, name] of functions) {
    if (!comment) found.push(["an exported function has a doc comment", name]);
    else if (comment.includes("@returns") || comment.includes("@param")) {
      const body = whole.slice(comment.length);
      if (/^ {2}(?:if \(.*\) )?throw new /m.test(body) && !comment.includes("@throws")) {
        found.push(["a comment names the errors that its function throws", name]);
      }
    }
  }
  return found;
}

/** All product code: paths under the root. */
function* sourceFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    if (isDirectory) yield* sourceFiles(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

/** Files that each have findings, with these. */
function findIn(find: (text: string) => Finding[]): Record<string, Finding[]> {
  const files = [
    "mod.ts",
    ...["examples", "formats", "kernels", "pipeline"].flatMap((folder) => [...sourceFiles(folder)]),
  ];
  return Object.fromEntries(
    files.map((path) => [path, find(Deno.readTextFileSync(join(ROOT, path)))] as const).filter(([, { length }]) =>
      length > 0
    ),
  );
}

Deno.test("doc comments have no riddles", () => {
  assertEquals(findIn(findRiddles), {});
});

Deno.test("comments of exported functions leave out no error that these throw", () => {
  assertEquals(findIn(findOmissions), {});
});

Deno.test("functions of the public library say what they take and give", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", join(ROOT, "mod.ts")],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0);
  const [{ symbols }] = Object.values(JSON.parse(new TextDecoder().decode(stdout)).nodes) as [{ symbols: Symbol[] }];
  const functions = symbols.flatMap(({ name, declarations }) =>
    declarations.filter(({ kind }) => kind === "function").map(({ def, jsDoc }) => ({
      name,
      ...def!,
      tags: jsDoc?.tags,
    }))
  );
  assertEquals(functions.length >= 15, true);
  const missing = functions.flatMap(({ name, params, returnType, tags = [] }) => {
    const isGiven = (kind: string) => tags.filter((tag) => tag.kind === kind).length;
    const gives = returnType !== undefined && returnType.repr !== "void";
    return [
      ...(isGiven("param") < params.length ? [`${name} says nothing of a parameter`] : []),
      ...(gives && isGiven("return") === 0 ? [`${name} does not say what it gives`] : []),
    ];
  });
  assertEquals(missing, []);
});

Deno.test("riddles and omissions are found", () => {
  const riddles = [
    "@param device Where.",
    "@param random Where from.",
    "@returns HTML.",
    "@returns They, from the first on.",
  ];
  riddles.push("@returns Those of all ranks.", "@param shape Of the input.", "@throws {TypeError} As above.");
  riddles.push(
    "From 0.",
    "Default `zero`.",
    "Of what is on its way between ranks.",
    "Images part by part, 1,000 images a part.",
  );
  for (const riddle of riddles) assertEquals(findRiddles(`/**\n * ${riddle}\n */`).length, 1, riddle);
  const plain = [
    "@param device The device.",
    "@returns Rows in order, starting at the first.",
    "@throws {TypeError} If it is none.",
  ];
  plain.push("@param size Height and width, pixels.", "Reads files that a process wrote.");
  for (const text of plain) assertEquals(findRiddles(`/**\n * ${text}\n */`), [], text);
  const thrower = "\nexport function f(a: number): void {\n  if (a > 1) throw new RangeError();\n}\n";
  assertEquals(findOmissions(thrower).length, 1);
  assertEquals(findOmissions(`/**\n * Does.\n *\n * @param a The number.\n */${thrower}`).length, 1);
  assertEquals(
    findOmissions(`/**\n * Does.\n *\n * @param a The number.\n * @throws {RangeError} If it is large.\n */${thrower}`),
    [],
  );
});
