/**
 * What a report is made of: tables, figures of images and their label maps, and so on.
 *
 * @module
 */

import { html, type Markup, shorten } from "./markup.ts";
import type { Picture } from "./pictures.ts";

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly isNumber?: boolean;
  cell(row: Row): Markup;
}

/**
 * A table. The first column names the row. On narrow screens each row becomes a card, which the roles keep a row.
 *
 * @param caption What it shows, for those who do not see where it stands.
 * @param columns Headings and cells of the columns.
 * @param rows What is in it.
 * @returns The element as HTML.
 */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  return html`
    <table role="table">
      <caption class="unseen">${caption}</caption>
      <thead role="rowgroup">
        <tr role="row">${columns.map(({ title, isNumber }) =>
          html`
            <th scope="col" role="columnheader" ${isNumber
              ? html`
                class="number"
              `
              : undefined}>${title}</th>
          `
        )}</tr>
      </thead>
      <tbody role="rowgroup">${rows.map((row) =>
        html`
          <tr role="row">${columns.map(({ title, isNumber, cell }, index) =>
            index === 0 ? html`<th scope="row" role="rowheader">${cell(row)}</th>` : html`
              <td role="cell" data-label="${title}" ${isNumber
                ? html`
                  class="number"
                `
                : undefined}>${cell(row)}</td>
            `
          )}</tr>
        `
      )}</tbody>
    </table>
  `;
}

/**
 * A section of the page with its heading.
 *
 * @param id What links to it.
 * @param title The heading.
 * @param content What is in it.
 * @returns The element as HTML.
 */
export function section(id: string, title: string, content: readonly Markup[]): Markup {
  return html`
    <section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${content}
    </section>
  `;
}

/** A probability with two digits; one that is not quite 0 or 1 does not look so. */
export function probability(value: number): string {
  if (value > 0 && value < 0.005) return "<0.01";
  if (value < 1 && value >= 0.995) return ">0.99";
  return value.toFixed(2);
}

/** Bytes as `10.4 kB`, `724 kB`, `1.7 GB`. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`;
}

/** Why an image is not seen, if it is not. */
export function reasonOf(picture: Picture | undefined): Markup {
  if (!picture || "url" in picture) return html``;
  return html`<br>${shorten(picture.reason)}`;
}
