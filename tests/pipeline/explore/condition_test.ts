import { assertEquals, assertRejects } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { checkCondition } from "../../../pipeline/explore/condition.ts";
import { RequestError } from "../../../pipeline/explore/request_error.ts";

async function withTable(use: (check: (condition: string) => Promise<string>) => Promise<void>): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run("CREATE TABLE images AS SELECT 'a.jpg' AS key, 3 AS label, [0.5, 0.25] AS top_probability");
  try {
    await use((condition) => checkCondition(connection, condition, "images"));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test("checkCondition() puts one expression that is true or false in brackets", async () => {
  await withTable(async (check) => {
    for (
      const condition of [
        "label = 3",
        "label = 3 AND key LIKE '%.jpg' OR false",
        "key = 'it''s; DROP TABLE images -- (' -- a comment",
        "len(list_filter(top_probability, lambda p: p > 0.3)) = 1",
        "label IN (1, 2) /* both */",
        "(label = 3) OR (label = 4)",
        'images."label" IS NOT NULL',
      ]
    ) {
      assertEquals(await check(condition), `(\n${condition}\n)`);
    }
  });
});

Deno.test("checkCondition() refuses what is more or less than a condition, in one sentence", async () => {
  const cases: [string, string][] = [
    ["1) UNION SELECT (1", 'syntax error at or near ")"'],
    ["true) OR (true", "syntax error"],
    ["true) FROM images WHERE (true", "syntax error"],
    ["true) ORDER BY (1", "syntax error"],
    ["true) LIMIT (0", "syntax error"],
    ["true); COPY images TO 'x.csv'; SELECT (true", ""],
    ["true; COPY images TO 'x.csv'", "syntax error"],
    ["true;", "syntax error"],
    [";", ""],
    ["true /*", "unterminated /* comment"],
    ["'", "unterminated quoted string"],
    ["true FROM images", "syntax error"],
    ["true WHERE true", "syntax error"],
    ["true AS x", "syntax error"],
    ["true, false", "expected one expression"],
    ["key IN (SELECT 'a.jpg')", "subqueries are refused"],
    ["EXISTS (FROM read_csv('/etc/passwd'))", "subqueries are refused"],
    ["label = ANY (SELECT 3)", "subqueries are refused"],
    ["len(ARRAY(SELECT content FROM read_text('/etc/passwd'))) > 0", "subqueries are refused"],
    ["CASE WHEN true THEN (FROM range(3) LIMIT 1) = 1 END", "subqueries are refused"],
    ["nope = 3", 'Binder Error: Referenced column "nope" not found'],
    ["label", "it is a value of type INTEGER, expected what is true or false"],
    ["label = 3 AND key = ?", "it has a parameter"],
    ["read_text('/etc/passwd') IS NOT NULL", "Binder Error"],
    ["count(*) > 1", ""],
    ["unnest([true])", ""],
    ["DELETE FROM images", "syntax error"],
  ];
  await withTable(async (check) => {
    for (const [condition, reason] of cases) {
      const { message, status } = await assertRejects(() => check(condition), RequestError, reason, condition);
      assertEquals([status, message.includes("\n")], [400, false], message);
      assertEquals(message.startsWith("Cannot use the condition: "), true, message);
    }
  });
});
