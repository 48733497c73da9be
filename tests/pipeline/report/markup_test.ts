import { assertEquals } from "@std/assert";
import { escapeText, html, nameOf, shorten, trusted } from "../../../pipeline/report/markup.ts";

Deno.test("html`` escapes text, and takes numbers, other HTML, lists of it, and nothing", () => {
  const name = `<b title="it's">&`;
  const inner = html`<i>${name}</i>`;
  assertEquals(
    html`<p title="${name}">${inner}${[inner, html`!`]}${3}${undefined}</p>`.markup,
    '<p title="&lt;b title=&quot;it&#39;s&quot;&gt;&amp;">' +
      "<i>&lt;b title=&quot;it&#39;s&quot;&gt;&amp;</i><i>&lt;b title=&quot;it&#39;s&quot;&gt;&amp;</i>!3</p>",
  );
  assertEquals(html`${trusted("<hr>")}`.markup, "<hr>");
});

Deno.test("escapeText() shows what no text may hold as U+FFFD", () => {
  assertEquals(escapeText("a\0b\x1bc\x7fd\ud800e\tf"), "a\ufffdb\ufffdc\ufffdd\ufffde\tf");
  assertEquals(escapeText("\u05e9\u05dc\u05d5\u05dd \u202e \u{1f63a}"), "\u05e9\u05dc\u05d5\u05dd \u202e \u{1f63a}");
});

Deno.test("nameOf() cuts long names in the middle, and keeps their direction to themselves", () => {
  assertEquals(nameOf("a<b").markup, "<bdi>a&lt;b</bdi>");
  const long = "a".repeat(500) + "b".repeat(500);
  assertEquals(shorten(long), `${"a".repeat(60)} ... ${"b".repeat(60)}`);
  // A cut through a pair of surrogates is no text either.
  assertEquals(nameOf(`${"a".repeat(59)}\u{1f63a}${"b".repeat(500)}`).markup.includes("\\ud83d"), true);
});

Deno.test("nameOf() shows what would turn a name's direction, end its line or steer a terminal, and letters as they are", () => {
  for (
    const [name, shown] of [
      ["cat\u202egpj.exe", "cat\\u202egpj.exe"],
      ["\u2067a\u2069", "\\u2067a\\u2069"],
      ["a\x1b[31m\nb", "a\\u001b[31m\\nb"],
      ["a\u2028b\u0085", "a\\u2028b\\u0085"],
      ["\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"],
      ["\u{1f468}\u200d\u{1f373}", "\u{1f468}\u200d\u{1f373}"],
    ]
  ) {
    assertEquals(nameOf(name).markup, `<bdi>${shown}</bdi>`);
    assertEquals(html`<p title="${shorten(name)}">`.markup, `<p title="${shown}">`);
  }
});
