/**
 * HTML in which text from data can only be text: what is put into a template is escaped unless it was made by one.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";

/** HTML that is safe to put into a page. */
export interface Markup {
  readonly markup: string;
}

/** What a template takes; undefined is nothing. */
export type MarkupValue = string | number | Markup | readonly Markup[] | undefined;

/**
 * Makes HTML of a template.
 *
 * @param parts The HTML between the values.
 * @param values Text and numbers, which are escaped, and HTML from other templates.
 * @returns The HTML.
 */
export function html(parts: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  return { markup: parts.map((part, index) => part + (index < values.length ? render(values[index]) : "")).join("") };
}

function render(value: MarkupValue): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number") return String(value);
  return "markup" in value ? value.markup : value.map(({ markup }) => markup).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text for HTML: as content, and between quotes as the value of an attribute.
 *
 * @param text Any text.
 * @returns The text with HTML's own characters escaped; control characters, which HTML does not allow, are U+FFFD.
 */
export function escapeText(text: string): string {
  return text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "\ufffd")
    .replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/**
 * HTML or SVG that this project made of numbers and its own words alone.
 *
 * @param markup The text.
 * @returns Markup that is not escaped again.
 */
export function trusted(markup: string): Markup {
  return { markup };
}

/** Characters of a name that are shown. */
const SHOWN = 120;

/**
 * A name from data, such as a key or a class: cut if it is very long, and apart from the direction of the text around it.
 *
 * @param name The name.
 * @returns The name as HTML.
 */
export function nameOf(name: string): Markup {
  return html`<bdi>${shorten(name)}</bdi>`;
}

/**
 * A name cut to what is shown of it, with what would turn its direction escaped, so that `gpj.exe` is not read as `exe.jpg`.
 *
 * @param name The name.
 * @returns The name, or its beginning and end with an ellipsis between.
 */
export function shorten(name: string): string {
  if (name.length <= SHOWN) return printable(name);
  return `${printable(name.slice(0, SHOWN / 2))} ... ${printable(name.slice(-SHOWN / 2))}`;
}
