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

/** A section of the page, which links lead to by `id`, with its heading. */
export function section({ id, title, content }: { id: string; title: string; content: readonly Markup[] }): Markup {
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

/** Why an image is not seen, if it is not. */
export function reasonOf(picture: Picture | undefined): Markup {
  if (!picture || "url" in picture) return html``;
  return html`<br>${shorten(picture.reason)}`;
}
