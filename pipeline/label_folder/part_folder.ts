/**
 * What is filled, a folder of parts, and from what: images that are listed, then read.
 *
 * @module
 */

import type { LabelMapFolder, SourceImage, ThreadedPartWriter } from "../../formats/labels/mod.ts";
import type { Span } from "./spans.ts";

/** An image with its row, or with the reason why it has none. */
export type Filling<Row> = { readonly index: number; readonly key: string } & ({ row: Row } | { reason: string });

/** A folder of parts. */
export type PartFolder<Row> = Omit<LabelMapFolder<Row>, "startPart" | "startThreadedPart" | "close"> & {
  startThreadedPart(part: number): Omit<ThreadedPartWriter<Row>, "discard">;
};

/** What a folder is filled from. */
export interface FillSource<Row> {
  /** The images of a span as they are listed, in order: what they are, without a look into them. */
  list(span: Span): AsyncIterable<ListedSourceImage>;
  /** Rows, or reasons, for the images of some spans, in order. */
  fill(spans: readonly Span[]): AsyncIterable<Filling<Row>>;
}

/** An image as it is listed, with the file that holds it, if there is one. */
export interface ListedSourceImage extends SourceImage {
  readonly path?: string;
}
