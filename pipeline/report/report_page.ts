/**
 * A report as one HTML file, which needs no server, no network and no script.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import {
  formatBytes,
  formatCells,
  formatCount,
  formatNumberOf,
  formatPercent,
  formatSize,
} from "../command/numbers.ts";
import { charts } from "./chart_section.ts";
import type { ReportContent } from "./content.ts";
import { probability, section, table } from "./elements.ts";
import type { FolderFacts } from "./facts.ts";
import { definitions, type FramedPicture } from "./frames.ts";
import { labelMaps, randomCrops } from "./gallery_sections.ts";
import { classesTogether, suspiciousLabels } from "./label_sections.ts";
import { html, type Markup, nameOf, shorten, trusted } from "./markup.ts";
import type { LabelFindings } from "./findings.ts";

const STYLE = new URL("./page.css", import.meta.url);

/** Nothing is fetched, nothing runs: what is not in the file is not shown. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/**
 * Makes the page.
 *
 * @param content What it shows.
 * @returns The page as HTML.
 */
export function reportPage(content: ReportContent): string {
  const { facts, findings, gallery } = content;
  const frames = gallery.map((image, index): FramedPicture => {
    const { row, picture } = image;
    const known = row.width > 0 && row.height > 0 ? row : { width: 4, height: 3 };
    const { width, height } = "url" in picture ? picture : known;
    return { id: `image${index}`, picture, width, height };
  });
  const sections = [
    { id: "figures", title: "In short", content: [keyFigures(findings)] },
    { id: "suspicious", title: "Suspicious labels", content: suspiciousLabels(content) },
    {
      id: "together",
      title: "Classes that occur together",
      link: "Classes together",
      content: classesTogether(findings),
    },
    { id: "charts", title: "Charts", content: charts(content) },
    { id: "maps", title: "Label maps", content: labelMaps(content, frames) },
    { id: "crops", title: "Random crops", content: randomCrops(content, frames) },
  ];
  const { markup } = html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${trusted(POLICY)}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>Label report: ${shorten(facts.name)}</title>
        <style>${trusted(Deno.readTextFileSync(STYLE))}</style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
    <h1>Label report: ${nameOf(facts.name)}</h1>
    <p class="lead">${formatNumberOf(findings.images, "image")} relabelled by ${nameOf(
      facts.metadata.annotator.name,
    )}</p>
    ${folderFacts(facts, findings.images)}
    ${rejectedImages(facts)}
    <nav aria-label="Sections"><ul>${sections.map(({ id, title, link = title }) =>
      html`<li><a href="#${id}">${link}</a></li>`
    )}</ul></nav>
        </header>
        <main id="main" tabindex="-1">
    ${definitions(frames)}${sections.map(section)}</main>
        <footer>
          <p>Made by <code>${calledAs("report")}</code> of relabel. An image carries a class whose score is ${findings
            .threshold} or more:
    how surely the annotator sees it in the part of the picture where it is strongest, whatever the grid. Agreement and
    confidence are what its classifier says of the picture as a whole, and a pooled label is that of a crop by
    LabelPooling.</p>
        </footer>
      </body>
    </html>
  `;
  return markup;
}

function folderFacts({ metadata, files, bytes, rejected }: FolderFacts, rows: number): Markup {
  const { annotator, grid, k, dtype, classes, scores = "softmax" } = metadata;
  const fact = (name: string, value: Markup, isWide = false) =>
    html`
      <div${isWide
        ? html`
          class="wide"
        `
        : undefined}>
        <dt>${name}</dt>
        <dd>${value}</dd>
        </div>
    `;
  const average = rows > 0
    ? html`
      (${formatNumberOf(Math.round(bytes / rows), "byte")} an image)
    `
    : undefined;
  return html`<dl class="facts">
${fact("Input size", html`${formatSize(annotator.inputSize)} pixels`)}
${fact("Label maps", html`${formatCells(grid)}`)}
${fact("Kept in a cell", html`${k} of ${formatNumberOf(classes, "class", "classes")}`)}
${fact("Scores", html`${dtype}${scores === "softmax" ? "" : `, ${scores}`}, pooled by LabelPooling`)}
${fact("Size on disk", html`${formatBytes(bytes)} in ${formatNumberOf(files, "file")}${average}`)}
${fact("Rejected", html`${formatNumberOf(rejected, "image")}`)}
${fact("Annotator", html`${nameOf(annotator.name)}, SHA-256 <code>${shorten(annotator.sha256)}</code>`, true)}
</dl>`;
}

function rejectedImages({ rejected, rejectedImages }: FolderFacts): Markup {
  if (rejected === 0) return html``;
  const more = rejected - rejectedImages.length;
  return html`<details><summary>${formatNumberOf(rejected, "rejected image")} and why</summary>
${
    table("Rejected images", [
      { title: "Image", cell: ({ key }) => nameOf(key) },
      { title: "Reason", cell: ({ reason }) => nameOf(reason) },
    ], rejectedImages)
  }${
    more > 0
      ? html`<p class="note">${formatCount(more)} more ${more === 1 ? "is" : "are"} listed in rejected.jsonl.</p>`
      : undefined
  }</details>`;
}

function keyFigures(findings: LabelFindings): Markup {
  const { images, counts, threshold, agreement, known, confidence, whyNoneIsKnown } = findings;
  const several = counts.reduce((sum, { carried, images }) => sum + (carried > 1 ? images : 0), 0);
  const figure = (value: string, what: string, detail: string) =>
    html`
      <li><strong>${value}</strong><span>${what}</span><small>${detail}</small></li>
    `;
  return html`<ul class="figures">
${
    figure(
      images > 0 ? formatPercent(several / images) : "none",
      "Images with more than one class",
      `${formatCount(several)} of ${formatNumberOf(images, "image")}, at a score of ${threshold} or more`,
    )
  }${
    figure(
      agreement === null ? "unknown" : formatPercent(agreement),
      "Agreement with given labels",
      agreement === null
        ? `${whyNoneIsKnown === undefined ? "There is no image" : `Labels cannot be compared: ${whyNoneIsKnown}`}`
        : `the classifier's best class of the whole image is the given label, of ${
          formatNumberOf(known, "image")
        } whose label it knows`,
    )
  }${
    figure(
      confidence === null ? "none" : probability(confidence),
      "Mean confidence",
      "of the classifier's best class of each whole image",
    )
  }</ul>`;
}
