/**
 * The sections of a report about the labels of all images: those that are suspicious, and classes.
 *
 * @module
 */

import { formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import type { ReportContent } from "./content.ts";
import { probability, reasonOf, table } from "./elements.ts";
import { html, type Markup, nameOf, shorten } from "./markup.ts";
import type { LabelFindings, SuspiciousImage } from "./findings.ts";
import type { Picture } from "./pictures.ts";

/**
 * Images whose label the annotator doubts.
 *
 * @param content What the report shows.
 * @returns The section as HTML.
 */
export function suspiciousLabels({ findings, thumbnails }: ReportContent): Markup[] {
  const { suspicious, suspiciousImages, known, images, labelled, named, whyNoneIsKnown } = findings;
  if (whyNoneIsKnown !== undefined) return [html`<p>Labels cannot be ranked: ${whyNoneIsKnown}.</p>`];
  if (suspicious.length === 0) {
    return [html`<p>None: the given label's class is seen in each of ${formatNumberOf(known, "image")}.</p>`];
  }
  const leftOut = [
    ...labelled > known ? [`${formatNumberOf(labelled - known, "image")} of classes that the annotator lacks`] : [],
    ...images > labelled ? [`${formatNumberOf(images - labelled, "image")} without a label`] : [],
  ];
  const sentences = [
    `The annotator does not see the given class, and rather another one, in ${
      formatNumberOf(suspiciousImages, "image")
    }` +
    (suspiciousImages > suspicious.length ? `; these are the ${suspicious.length} whose label it doubts most.` : "."),
    ...leftOut.length > 0 ? [`Left out: ${leftOut.join(" and ")}.`] : [],
    ...named === 0 ? ["The data set's classes have no names here: label 7 is taken for class 7."] : [],
  ];
  return [
    html`
      <p>${sentences.join(" ")}</p>
      <p
        class="note">Self-confidence is the score of the given label's class, 0 if no cell has it; margin is that less the best
      other class.</p>
    `,
    table<SuspiciousImage>("Suspicious labels, the most doubtful first", [
      {
        title: "Image",
        cell: ({ key, says }) =>
          html`<div class="pictured">${
            thumbnailOf(thumbnails.get(key), `Image in which the annotator sees ${shorten(says)}`)
          }<span class="key">${nameOf(key)}${reasonOf(thumbnails.get(key))}</span></div>`,
      },
      { title: "Given label", cell: ({ given }) => html`<span class="given">${nameOf(given)}</span>` },
      { title: "The annotator says", cell: ({ says }) => nameOf(says) },
      { title: "Self-confidence", isNumber: true, cell: ({ selfConfidence }) => html`${probability(selfConfidence)}` },
      { title: "Margin", isNumber: true, cell: ({ margin }) => html`${margin.toFixed(2).replace("-", "\u2212")}` },
    ], suspicious),
  ];
}

function thumbnailOf(picture: Picture | undefined, seen: string): Markup {
  if (picture && "url" in picture) {
    const { url, width, height } = picture;
    return html`<img class="thumbnail" src="${url}" width="${width}" height="${height}" alt="${seen}">`;
  }
  return html`<div class="thumbnail">no picture</div>`;
}

/**
 * Pairs of classes, and the classes one by one.
 *
 * @param findings The numbers.
 * @returns The section as HTML.
 */
export function classesTogether({ pairs, pairCount, classFigures, classCount, threshold }: LabelFindings): Markup[] {
  const together = pairs.length === 0
    ? [html`<p>No image carries two classes with a score of ${threshold} or more.</p>`]
    : [
      html`<p>Lift is how many times more images carry both than if the two had nothing to do with each other.${
        pairCount > pairs.length ? ` The first ${pairs.length} of ${formatCount(pairCount)} pairs.` : ""
      }</p>`,
      table("Pairs of classes in the same images", [
        { title: "Class", cell: ({ name }) => nameOf(name) },
        { title: "And class", cell: ({ otherName }) => nameOf(otherName) },
        { title: "Images", isNumber: true, cell: ({ images }) => html`${formatCount(images)}` },
        { title: "Lift", isNumber: true, cell: ({ lift }) => html`${formatLift(lift)}` },
      ], pairs),
    ];
  const shown = classCount > classFigures.length
    ? `The ${classFigures.length} most frequent of ${formatNumberOf(classCount, "class", "classes")}`
    : "All classes";
  const orNone = (value: number | null, format: (value: number) => string) =>
    html`${value === null ? "\u2013" : format(value)}`;
  return [
    ...together,
    html`<details><summary>${shown}, one by one</summary>
<p class="note">Best of: images whose best class it is, and its mean score there. Agreement: the share of images
labelled so of which the classifier says the same as a whole; instead: what it says most often.</p>
${
      table("Classes", [
        { title: "Class", cell: ({ name }) => nameOf(name) },
        { title: "Best of", isNumber: true, cell: ({ images }) => html`${formatCount(images)}` },
        { title: "Score", isNumber: true, cell: ({ meanScore }) => orNone(meanScore, probability) },
        { title: "Carried by", isNumber: true, cell: ({ carried }) => html`${formatCount(carried)}` },
        { title: "Labelled so", isNumber: true, cell: ({ labelled }) => html`${formatCount(labelled)}` },
        { title: "Agreement", isNumber: true, cell: ({ agreement }) => orNone(agreement, formatPercent) },
        { title: "Instead", cell: ({ instead }) => (instead === null ? html`\u2013` : nameOf(instead)) },
      ], classFigures)
    }</details>`,
  ];
}

function formatLift(lift: number): string {
  return lift >= 99.5 ? formatCount(Math.round(lift)) : lift.toPrecision(2);
}
