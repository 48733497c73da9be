/**
 * What a file's name tells of it: that it is an image, that it is none, or neither, and then its first bytes tell.
 *
 * @module
 */

import { looksLikeImage } from "./image_format.ts";

/** Extensions of images, those among them that are not decoded: such a file is rejected with that reason, and not lost. */
const IMAGES = new Set(
  ("jpg jpeg jpe jfif jif pjpeg pjp png apng webp gif bmp dib tif tiff pnm ppm pgm pbm pfm avif avifs heic heif hif jp2 " +
    "j2k jxl").split(" "),
);

/** Extensions that no image has: of such a file not even the first bytes are read. */
const OTHERS = new Set(
  ("txt md rst log csv tsv json jsonl ndjson xml yaml yml toml ini cfg conf lst list names html htm css js ts py pyc ipynb " +
    "sh bat c h cc cpp m r tex bib pdf doc docx xls xlsx ppt pptx tar tgz gz bz2 xz zst zip 7z rar parquet arrow feather " +
    "npy npz mat pkl pickle pt pth ckpt safetensors onnx pb h5 hdf5 tfrecord record idx lmdb mdb db sqlite sqlite3 mp4 m4v " +
    "avi mov mkv webm mpg mpeg wmv mp3 wav flac ogg svg url lnk md5 sha1 sha256 bak tmp part crdownload").split(" "),
);

/** Folders that operating systems and their tools make, whose files are none of the data set's. */
const SYSTEM_FOLDERS = ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

/** Bytes in which an image is looked for. */
const HEAD = 512;

/**
 * Whether a name ends as an image's does; what the file really is shows when it is decoded.
 *
 * @param name A file name.
 * @returns True for the usual extensions in any case.
 */
export function isImageName(name: string): boolean {
  return IMAGES.has(extension(name));
}

/**
 * Whether a folder is one of the operating system's.
 *
 * @param name The file's or folder's name.
 * @returns True for a few names.
 */
export function isSystemFolder(name: string): boolean {
  return SYSTEM_FOLDERS.includes(name);
}

/**
 * Whether a file is an image, by its name, or where that does not tell by its first bytes.
 *
 * @param name The file's or folder's name.
 * @param path Path of the file.
 * @returns True for an image, also one that cannot be decoded.
 */
export function isImageFile(name: string, path: string): boolean | Promise<boolean> {
  if (isImageName(name)) return true;
  return OTHERS.has(extension(name)) ? false : beginsAsImage(path);
}

function extension(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}

async function beginsAsImage(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path);
    const head = new Uint8Array(HEAD);
    return looksLikeImage(head.subarray(0, await file.read(head) ?? 0));
  } catch {
    // A file that neither its name nor its bytes call an image is none, and is counted as passed over.
    return false;
  }
}
