/**
 * The sections of a report that show some images: with their label maps, and with random crops.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import type { ClassProbability, LabelMapRow } from "../../formats/labels/mod.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { heatColour } from "../pictures/heat_map.ts";
import type { ReportContent } from "./content.ts";
import { probability, reasonOf, table } from "./elements.ts";
import { cropFrame, type FramedPicture, heatFrame, imageFrame } from "./frames.ts";
import type { Choice, GalleryImage, PooledCrop } from "./gallery.ts";
import { html, type Markup, nameOf, shorten } from "./markup.ts";

const CHOICES: Readonly<Record<Choice, { readonly title: string; readonly seen: string }>> = {
  several: { title: "With several classes", seen: "Drawn at random from the images that carry more than one class." },
  suspicious: { title: "Suspicious", seen: "The first of the suspicious labels." },
  random: { title: "At random", seen: "Drawn at random from all images." },
};

/**
 * Images with the heat maps of their best classes: the paper's figure A2.
 *
 * @param content What the report shows.
 * @param frames The pictures of its gallery.
 * @returns The section as HTML.
 */
export function labelMaps(content: ReportContent, frames: readonly FramedPicture[]): Markup[] {
  const { gallery } = content;
  if (gallery.length === 0) return [html`<p>There are none.</p>`];
  const groups = (Object.keys(CHOICES) as Choice[]).flatMap((choice) => {
    const images = gallery.flatMap((image, index) => image.choice === choice ? [labelMap(image, index)] : []);
    if (images.length === 0) return [];
    const { title, seen } = CHOICES[choice];
    return [html`
      <h3>${title}</h3>
      <p class="note">${seen}</p>
      <div class="images">${images}</div>
    `];
  });

  function labelMap(image: GalleryImage, index: number): Markup {
    const { row, heatMaps, picture } = image;
    const frame = frames[index];
    const name = (index: number) => shorten(content.className(index));
    const best = heatMaps.map((heat) => `${name(heat.class)} ${probability(heat.score)}`).join(", ");
    return html`
      <figure class="map" data-key="${shorten(row.key)}">
        <figcaption class="title">${nameOf(row.key)}${given(content, row)}${reasonOf(picture)}</figcaption>
        <div class="panels"><figure>${imageFrame(
          frame,
          `Image in which the annotator sees ${best}`,
        )}<figcaption>Image</figcaption></figure>${heatMaps.map((heat) =>
          html`
            <figure>${heatFrame(frame, heat, `Where in the image ${name(heat.class)} is`)}<figcaption>${nameOf(
              content.className(heat.class),
            )} ${probability(heat.score)}</figcaption></figure>
          `
        )}</div>
      </figure>
    `;
  }

  return [
    html`<p>Each image with the heat maps of its best classes: how probable the class is in each cell, and beside its name
the score that says how surely it is in the image.</p>
${scale()}`,
    ...groups,
  ];
}

/** The colours of heat maps, from 0 to 1. */
function scale(): Markup {
  const stops = Array.from({ length: 21 }, (_, step) => step / 20);
  return html`<div class="scale"><span>0</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
 aria-label="Colours of heat maps, from dark for 0 to light for 1"><defs><linearGradient id="scale">${
    stops.map((stop) =>
      html`
        <stop offset="${stop}" stop-color="rgb(${heatColour(stop).join(" ")})" />
      `
    )
  }</linearGradient></defs><rect width="100" height="8" fill="url(#scale)"/></svg><span>1, probability in the cell</span></div>`;
}

/** The label that the data set gives an image. */
function given(content: ReportContent, { label }: LabelMapRow): Markup {
  if (label === null) return html`, without a label`;
  return html`, given label ${nameOf(content.labelName(label))}`;
}

/**
 * Random crops with their pooled labels beside the original ones: the paper's figure A3.
 *
 * @param content What the report shows.
 * @param frames The pictures of its gallery.
 * @returns The section as HTML.
 */
export function randomCrops(content: ReportContent, frames: readonly FramedPicture[]): Markup[] {
  const images = content.gallery.flatMap((image, index) => image.crops.length > 0 ? [cropsOf(image, index)] : []);
  if (images.length === 0) return [html`<p>There are none.</p>`];

  function cropsOf(image: GalleryImage, index: number): Markup {
    const { row, crops, givenClass, picture } = image;
    const frame = frames[index];
    const numbered = crops.map((crop, index) => ({ ...crop, number: index + 1 }));
    return html`
      <figure class="cropped"><div>${imageFrame(
        frame,
        `The image with the boxes of ${formatNumberOf(crops.length, "crop")}`,
        crops.map(({ crop }) => crop),
      )}<figcaption>${nameOf(row.key)}${reasonOf(picture)}</figcaption></div>
      ${table<PooledCrop & { readonly number: number }>(`Crops of ${shorten(row.key)} and their pooled labels`, [
        {
          title: "Crop",
          cell: ({ crop, number, best }) =>
            html`<div class="pictured">${
              cropFrame(frame, crop, `Crop in which the annotator sees ${shorten(content.className(best[0].class))}`)
            }<span>Crop ${number}</span></div>`,
        },
        { title: "Pooled label", cell: ({ best }) => pooledLabel(content, best, givenClass) },
        { title: "Original label", cell: ({ given }) => originalLabel(content, row, given) },
      ], numbered)}</figure>
    `;
  }

  return [
    html`<p>Crops as <code>${
      calledAs("train")
    }</code> draws them in its first epochs with seed ${content.seed}, and the label that
each is trained on beside the one that the data set gives the whole image.</p>`,
    ...images,
  ];
}

function pooledLabel(
  { className }: ReportContent,
  best: readonly ClassProbability[],
  givenClass: number | null,
): Markup {
  return html`<ul class="pooled">${
    best.map((pooled, rank) => {
      const differs = rank === 0 && givenClass !== null && pooled.class !== givenClass;
      const name = nameOf(className(pooled.class));
      return html`<li>${differs ? html`<strong class="differs">${name}</strong>` : name} ${
        probability(pooled.probability)
      }</li>`;
    })
  }</ul>`;
}

function originalLabel({ labelName }: ReportContent, { label }: LabelMapRow, given: number | null): Markup {
  if (label === null) return html`none`;
  const pooled = given === null ? "not a class of the annotator" : `${probability(given)} in the pooled label`;
  return html`${nameOf(labelName(label))}<br><span class="key">${pooled}</span>`;
}
