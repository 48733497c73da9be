/**
 * The charts of a report.
 *
 * @module
 */

import { classCountChart } from "../charts/class_count_chart.ts";
import { confidenceChart, overlapChart } from "../charts/crop_charts.ts";
import { PAGE_STYLE } from "../charts/draw.ts";
import { formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import type { ReportContent } from "./content.ts";
import { html, type Markup, trusted } from "./markup.ts";

/**
 * The charts: of all images, and of those that boxes are known of.
 *
 * @param content What the report shows.
 * @returns The charts as HTML.
 */
export function charts({ findings, boxes }: ReportContent): Markup[] {
  const figures: Markup[] = [];
  if (findings.images > 0) {
    const shares = findings.counts.map(({ carried, share }) => `${carried}: ${formatPercent(share)}`).join(", ");
    figures.push(chart(
      "counts",
      classCountChart(findings.counts, PAGE_STYLE),
      `Share of images by the number of classes they carry. ${shares}.`,
      html`Images by the number of classes they carry with a score of ${findings.threshold} or more.`,
    ));
  }
  if (boxes) {
    const { crops, images, measured } = boxes;
    const count = formatNumberOf(crops.overlap.length, "random crop");
    const sample = measured < images ? `, ${formatCount(measured)} of them measured` : "";
    const missed = crops.overlap.reduce((sum, overlap) => sum + (overlap === 0 ? 1 : 0), 0) / crops.overlap.length;
    figures.push(
      chart(
        "confidence",
        confidenceChart(crops, PAGE_STYLE),
        "Mean confidence of pooled labels by the overlap of the crop with the labelled object's box.",
        html`How sure pooled labels are, by how much of the labelled object the crop shows (paper, figure 5).`,
      ),
      chart(
        "overlap",
        overlapChart(crops, PAGE_STYLE),
        "Cumulated share of crops by their overlap with the labelled object, and with the object they show best.",
        html`How much of an object crops show: ${
          formatPercent(missed)
        } of ${count} show nothing of the labelled one (figure 2; ${
          formatNumberOf(images, "image")
        } with boxes${sample}).`,
      ),
    );
  }
  return [
    html`<div class="charts">${figures}</div>`,
    ...boxes
      ? []
      : [html`<p class="note">With boxes of the objects (<code>--boxes FILE</code>) there are two more: confidence
against overlap, and how much of an object random crops show.</p>`],
  ];
}

/** A chart in the page. Its own names are made unique, and what is for a mouse is left out. */
function chart(name: string, svg: string, seen: string, caption: Markup): Markup {
  const own = svg.replace(/<style\b.*?<\/style>/gs, "").replaceAll(/ (class|ecmeta_\w+)="[^"]*"/g, "")
    .replaceAll(/\bzr\d+-/g, `${name}-`).replace("<svg ", '<svg aria-hidden="true" ');
  return html`
    <figure>
      <div role="img" aria-label="${seen}">${trusted(own)}</div>
      <figcaption>${caption}</figcaption>
    </figure>
  `;
}
