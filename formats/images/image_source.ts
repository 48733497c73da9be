/**
 * Images in a fixed order, as every source gives them, and what is said of a source.
 *
 * @module
 */

import type { RangedFile } from "../weights/hub/remote_file.ts";

/** One image as it is stored, before decoding. */
export interface StoredImage {
  /** Position in the source's order, from 0. */
  readonly index: number;
  /** Path under the root, `/`-separated; in a tar shard `shard.tar/member`, in Parquet `file.parquet/<row>`. */
  readonly key: string;
  /** The data set's own class index, null if unknown. */
  readonly label: number | null;
  /**
   * The file to read, or the encoded image, or why the source could not give it: a place that cannot be read stands in
   * the order like an image, so that one damaged shard is listed and does not stop the others.
   */
  readonly bytes: FilePlace | { readonly unreadable: string } | Uint8Array<ArrayBuffer>;
}

/** One image and where it is, as {@linkcode ImageSource.list} gives it. */
export interface ListedImage extends Omit<StoredImage, "bytes"> {
  /** The file that holds it. */
  readonly path: string;
  /** Why its label is null, in words that can follow a number of images: `with a negative label`. */
  readonly unlabelled?: string;
  /** Its bytes in that file, or why the source cannot give it; null where it can only be read after those before it. */
  readonly place: FilePlace | { readonly unreadable: string } | null;
}

/** A part of a file, or all of it. */
export interface FilePlace {
  /** The file. */
  readonly path: string;
  /** First byte and number of bytes; absent for the whole file. */
  readonly range?: { readonly offset: number; readonly length: number };
}

/** Images in a fixed order. */
export interface ImageSource {
  /** What was opened: a file, a folder, or a pattern with braces. */
  readonly path: string;
  /** What it is, in words that can follow `9 images in`: `2 class folders`. */
  readonly description: string;
  /** The commit of the hub that the images are of, where they are read from it. */
  readonly commit?: string;
  /** Names of the classes that the labels index, where the source knows them. */
  readonly classes: readonly string[] | null;
  /** Number of images that {@linkcode read} gives. The source may be scanned for it once. */
  count(): Promise<number>;
  /** Reads the images from position `start` to before `end`, in order; what comes before `start` is not read. */
  read(range?: ImageRange): AsyncIterable<StoredImage>;
  /**
   * Lists the images in the source's order, without their bytes, to read them in another order or later: one pass
   * over names, headers and labels.
   */
  list(range?: ImageRange): AsyncIterable<ListedImage>;
  /**
   * What the source holds, and what of it has no label or is passed over: of all of it, so that every shard and every run
   * that goes on says the same. One pass over names, headers and labels, made once.
   */
  survey(): Promise<ImageSurvey>;
}

/** A range of a source's images, by their position from 0. */
export interface ImageRange {
  /** First image; default 0. */
  readonly start?: number;
  /** One after the last image; default the number of images. */
  readonly end?: number;
}

/** A file of a source and the name that its images' keys begin with. */
export interface ShardFile {
  readonly path: string;
  readonly name: string;
  /** Opens a file that is elsewhere, of which parts are fetched before they are read. */
  readonly open?: () => RangedFile;
}

/** Things of one kind. */
export interface Tally {
  /** What they have in common, in words that can follow their number and noun: `with a negative label`, `.txt`. */
  readonly what: string;
  /** How many there are. */
  readonly count: number;
  /** Key or path of the first of them. */
  readonly first: string;
}

/** What a source holds and what of it is not used. */
export interface ImageSurvey {
  /** Number of images, places that cannot be read included. */
  readonly images: number;
  /** Number of images that have a label. */
  readonly labelled: number;
  /** Why the others have none, the most frequent reason first. */
  readonly unlabelled: readonly Tally[];
  /** Files that are not taken for images, by kind, the most frequent first. */
  readonly passedOver: readonly Tally[];
  /** What else the user should know, as sentences without a full stop: columns that are not used, classes without images. */
  readonly remarks: readonly string[];
}

/** How images are decoded. */
export interface DecodeOptions {
  /** Whether an image is turned as its EXIF orientation says; default false. */
  readonly exifOrientation?: boolean;
}
