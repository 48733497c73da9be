import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import sharp from "sharp";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { printable } from "../../../formats/base/printable.ts";
import {
  type ClassNames,
  type LabelMapRow,
  openLabelMapFolder,
  openLabelMaps,
  quantise,
  scoreClasses,
} from "../../../formats/labels/mod.ts";
import { poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { heatColour } from "../../../pipeline/pictures/heat_map.ts";
import { type ReportRequest, writeReport } from "../../../pipeline/report/write_report.ts";
import { generator, smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { folderOf, folderOfImages, type ImageLabels, TWELVE } from "../query/query_folder.ts";
import { runTask } from "../task.ts";

/** What tests ask for unless they say otherwise. */
const PLAIN = { threshold: 0.3, seed: 0 };

/** Names that would be a page's own if they were taken for HTML. */
const HOSTILE: ClassNames = {
  name: [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</style><svg onload=alert(3)>",
    "it's & <!-- not a comment",
    "\u05e9\u05dc\u05d5\u05dd \u202e",
    "${alert(4)}",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
  ],
};

/** Images whose label is or is not the best class, with one class and several. */
const IMAGES: ImageLabels[] = [
  { label: 0, cells: [[0, 16]] },
  { label: 1, cells: [[0, 10], [2, 6]] },
  { label: 2, cells: [[5, 8], [4, 4], [3, 4]] },
  { label: null, cells: [[4, 9], [1, 7]] },
  { label: 3, cells: [[3, 16]] },
];

/** A noisy image. */
function noise(seed: number, [width, height]: readonly [number, number]): Uint8Array {
  const random = generator(seed);
  const pixels = Uint8Array.from({ length: width * height * 3 }, () => random() * 256);
  return encodePng(pixels, { width, height, channels: 3 });
}

/** A folder of images by key; text for a file that is none. */
function imageFolder(files: Record<string, Uint8Array | string>): string {
  const path = Deno.makeTempDirSync();
  for (const [key, content] of Object.entries(files)) {
    Deno.mkdirSync(join(path, key, ".."), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(join(path, key), content);
    else Deno.writeFileSync(join(path, key), content);
  }
  return path;
}

/** The images of {@linkcode folderOfImages}: `0.jpg`, `1.jpg`, ... */
function numberedImages(count: number): string {
  return imageFolder(
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.jpg`, noise(index, [24, 16])])),
  );
}

/** Writes a report and reads it. */
async function pageOf(request: Partial<ReportRequest> & Pick<ReportRequest, "labels" | "images">): Promise<string> {
  const { path, bytes } = await writeReport({ ...PLAIN, ...request });
  const page = Deno.readTextFileSync(path);
  assertEquals(new TextEncoder().encode(page).length, bytes);
  return page;
}

/** An element of a page. */
interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The opening tags of a page, which must have nothing else that begins with `<` but for its style. */
function tagsOf(page: string): Tag[] {
  const body = page.replace("<!DOCTYPE html>", "").replace(/<style>[^<]*<\/style>/, "");
  const tags: Tag[] = [];
  const rest = body.replace(/<(\/?)([a-zA-Z][\w]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*\/?>/g, (_, end, name, text) => {
    if (end !== "/") {
      const attributes = [...text.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)];
      tags.push({ name, attributes: Object.fromEntries(attributes.map(([, key, value = ""]) => [key, value])) });
    }
    return "";
  });
  assert(!rest.includes("<"), rest.slice(Math.max(rest.indexOf("<") - 80, 0), rest.indexOf("<") + 80));
  return tags;
}

/** What is read on a page. */
function textOf(page: string): string {
  return page.replace(/<style>.*?<\/style>/s, "").replace(/<[^>]*>/g, " ").replaceAll("&lt;", "<").replaceAll(
    "&gt;",
    ">",
  ).replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&").replace(/\s+/g, " ");
}

/** Elements and attributes that nothing can be fetched or run by. */
const HARMLESS = new Set(
  ("html head meta title style body a header h1 h2 h3 p dl div dt dd nav ul li main section table caption thead tbody tr th " +
    "td span strong small bdi br img figure figcaption svg defs image use rect path text g tspan clipPath " +
    "linearGradient stop details summary code footer").split(" "),
);

Deno.test("A report shows the heat maps of its label maps: every pixel is a cell's probability", async () => {
  const metadata = smallMetadata();
  const [rows, columns] = metadata.grid;
  const cells = rows * columns;
  const random = generator(5);
  // Each cell holds other classes: 12 are more than three steps of 5.
  const labels = folderOf(
    IMAGES.map(({ label }, index): LabelMapRow => {
      const first = Array.from({ length: cells }, () => Math.floor(random() * 12));
      const classes = Uint16Array.from(
        { length: 3 * cells },
        (_, at) => (first[at % cells] + 5 * Math.floor(at / cells)) % 12,
      );
      return { ...smallRow(index, metadata), key: `${index}.jpg`, label, class: classes };
    }),
    metadata,
    { classes: TWELVE },
  );
  const page = await pageOf({ labels, images: numberedImages(5) });
  const labelMaps = await openLabelMaps(labels);
  const maps = page.split('<figure class="map"').slice(1);
  assertEquals(maps.length, 5);
  let [compared, shown] = [0, 0];
  for (const figure of maps) {
    const index = await labelMaps.indexOf(/data-key="([^"]*)"/.exec(figure)![1]);
    const map = await labelMaps.batch([index!]);
    const heats = [...figure.matchAll(/class="heat"[^>]*data-class="(\d+)"\s+href="data:image\/png;base64,([^"]*)"/g)];
    assertEquals(
      heats.map(([, heat]) => Number(heat)),
      scoreClasses(await labelMaps.get(index!), metadata).slice(0, 3).map((one) => one.class),
    );
    shown += heats.length;
    for (const [, heat, png] of heats) {
      const { data, info } = await sharp(Uint8Array.fromBase64(png)).raw().toBuffer({ resolveWithObject: true });
      assertEquals([info.height, info.width, info.channels], [rows, columns, 4]);
      for (let cell = 0; cell < cells; cell++) {
        const top = Math.floor(cell / columns) / rows;
        const crop = { top, left: cell % columns / columns, height: 1 / rows, width: 1 / columns, map: 0 };
        const value = poolLabels(map, [crop])[Number(heat)];
        assertEquals([...data.subarray(4 * cell, 4 * cell + 3)], heatColour(value));
        assert(Math.abs(data[4 * cell + 3] - 255 * 0.85 * value) <= 0.5 + 1e-6);
        compared++;
      }
    }
  }
  assertEquals(compared, shown * cells);
  assert(shown > 5 * 2);
  labelMaps.close();
});

Deno.test("A report says the numbers that deno task query says", async () => {
  const page = await pageOf({ labels: folderOfImages(IMAGES, { classes: TWELVE }), images: numberedImages(5) });
  const text = textOf(page);
  assertStringIncludes(text, "60.0 % Images with more than one class 3 of 5 images, at a score of 0.3 or more");
  assertStringIncludes(text, "50.0 % Agreement with given labels");
  assertStringIncludes(text, "of 4 images whose label it knows");
  assertStringIncludes(text, "0.74 Mean confidence");
  assertStringIncludes(
    text,
    "The annotator does not see the given class, and rather another one, in 2 images. Left out: 1 image without a label.",
  );
  // Neither label is among the classes of its image: 0 less 8 / 10, and 0 less 10 / 13.
  assertMatch(text, /2\.jpg espresso daisy 0\.00 \u22120\.80 1\.jpg Egyptian cat tabby 0\.00 \u22120\.77/);
  assertMatch(text, /tabby espresso 1 2\.5/);
});

Deno.test("A report is a page that fetches nothing and runs nothing, whatever names say", async () => {
  const labels = folderOf(
    IMAGES.map(({ label }, index): LabelMapRow => {
      const row = smallRow(index, smallMetadata());
      return { ...row, label, key: `${HOSTILE.name[index].replaceAll("/", "|")}/"'<b>${index}&amp;.png` };
    }),
    smallMetadata(),
    { classes: HOSTILE, dataSetClasses: HOSTILE },
  );
  const keys = IMAGES.map((_, index) => `${HOSTILE.name[index].replaceAll("/", "|")}/"'<b>${index}&amp;.png`);
  const images = imageFolder(Object.fromEntries(keys.map((key, index) => [key, noise(index, [20, 20])])));
  const page = await pageOf({ labels, images });
  for (const { name, attributes } of tagsOf(page)) {
    assert(HARMLESS.has(name), name);
    for (const [attribute, value] of Object.entries(attributes)) {
      assert(!/^on/i.test(attribute), attribute);
      if (/^(href|src|xlink:href)$/.test(attribute)) {
        assertMatch(value, /^(#[\w-]+|data:image\/(webp|png);base64,[\w+/=]+)$/);
      }
    }
  }
  assertStringIncludes(
    page,
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
  );
  const text = textOf(page);
  for (const name of HOSTILE.name.slice(0, 5)) assertStringIncludes(text, printable(name.split(",")[0].trim()));
  assert(!/url\((?!#|var)/.test(page));
});

Deno.test("A report can be read in order, and by those who do not see it", async () => {
  const page = await pageOf({ labels: folderOfImages(IMAGES, { classes: TWELVE }), images: numberedImages(5) });
  const tags = tagsOf(page);
  const levels = tags.flatMap(({ name }) => /^h\d$/.test(name) ? [Number(name[1])] : []);
  assertEquals(levels.filter((level) => level === 1).length, 1);
  levels.forEach((level, index) => assert(index === 0 ? level === 1 : level - levels[index - 1] <= 1));
  for (const { name, attributes } of tags) {
    if (name === "img") assert(attributes.alt.length > 10);
    if (attributes.role === "img") assert(attributes["aria-label"].length > 10);
    if (name === "th") assertMatch(attributes.scope, /^(col|row)$/);
    if (name === "svg") assert(attributes.role === "img" || attributes["aria-hidden"] === "true" || !attributes.class);
  }
  for (const landmark of ["header", "nav", "main", "footer"]) {
    assertEquals(tags.filter(({ name }) => name === landmark).length, 1, landmark);
  }
  const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
  assertEquals(new Set(ids).size, ids.length);
  for (const { attributes: { href } } of tags) if (href?.startsWith("#")) assert(ids.includes(href.slice(1)), href);
  assertEquals(tags.find(({ name }) => name === "html")?.attributes.lang, "en");
});

/** Contrast of two colours (WCAG 2.2). */
function contrast(first: string, second: string): number {
  const luminance = (colour: string) => {
    const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low, high] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

Deno.test("Text and charts of a report stand out from their ground, by day and by night", () => {
  const css = Deno.readTextFileSync("pipeline/report/page.css");
  const themes = [...css.matchAll(/:root \{([^}]*--ground[^}]*)\}/g)].map(([, block]) =>
    Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]+);/g)].map(([, name, colour]) => [name, colour]))
  );
  assertEquals(themes.length, 2);
  for (const theme of themes) {
    for (const ground of [theme.ground, theme.panel]) {
      for (const name of ["ink", "quiet", "link", "warm"]) assert(contrast(theme[name], ground) >= 4.5, name);
      for (const name of ["accent", "chart-1", "chart-2", "chart-line"]) {
        assert(contrast(theme[name], ground) >= 3, name);
      }
    }
  }
});

Deno.test("A report of the same folder is the same, and another seed draws other crops", async () => {
  const request = { labels: folderOfImages(IMAGES, { classes: TWELVE }), images: numberedImages(5) };
  const page = await pageOf(request);
  assertEquals(await pageOf(request), page);
  assert(await pageOf({ ...request, seed: 1 }) !== page);
});

Deno.test("A report shows images that are missing or corrupt as placeholders with the reason", async () => {
  const labels = folderOfImages(IMAGES, { classes: TWELVE });
  const images = imageFolder({ "0.jpg": noise(0, [24, 16]), "1.jpg": "Not Found", "2.jpg": "" });
  const { missing, shown } = await writeReport({ ...PLAIN, labels, images });
  // Of five in the gallery, and the two that are suspicious, again.
  assertEquals([missing, shown], [6, 7]);
  const text = textOf(Deno.readTextFileSync(join(labels, "report.html")));
  assertStringIncludes(text, 'Cannot decode image: text that begins "Not Found" is no JPEG');
  assertStringIncludes(text, "Cannot decode image: it is empty (0 bytes)");
  assertStringIncludes(text, "Cannot read image: there is none of this key");
  assertStringIncludes(text, "no picture");
});

Deno.test("A report refuses images that were not relabelled, and names the first key", async () => {
  const labels = folderOfImages(IMAGES);
  const images = imageFolder({ "other.png": noise(0, [8, 8]) });
  const error = await assertRejects(() => writeReport({ ...PLAIN, labels, images }), Deno.errors.NotFound);
  assertEquals(
    error.message,
    `Cannot find the images of "${labels}" in "${images}": there is no "0.jpg", name what was relabelled: ` +
      `deno task report ${labels} IMAGES`,
  );
  assertEquals([...Deno.readDirSync(labels)].some(({ name }) => name.startsWith("report")), false);
});

const UNUSUAL: Record<string, { images: ImageLabels[]; names?: Parameters<typeof folderOfImages>[1]; says: string[] }> =
  {
    "labels and names of classes": {
      images: IMAGES.map(({ cells }) => ({ label: null, cells })),
      says: [
        "unknown Agreement with given labels",
        "Labels cannot be ranked: no image has one",
        "class 4",
        "without a label",
      ],
    },
    "labels that the annotator knows": {
      images: IMAGES,
      names: { classes: TWELVE, dataSetClasses: { name: ["north", "east", "south", "west"] } },
      says: ["no class of the data set (north, east, south, ...) has the wnid or name", "not a class of the annotator"],
    },
    "suspicious labels": {
      images: [{ label: 0, cells: [[0, 16]] }, { label: 3, cells: [[3, 10], [1, 6]] }],
      says: ["100.0 % Agreement", "None: the given label's class is seen in each of 2 images"],
    },
    "images with several classes": {
      images: [{ label: 0, cells: [[0, 16]] }, { label: 3, cells: [[3, 16]] }],
      says: ["0.0 % Images with more than one class", "No image carries two classes with a score of 0.3 or more"],
    },
  };

for (const [name, { images, names, says }] of Object.entries(UNUSUAL)) {
  Deno.test(`A report is made of a folder without ${name}`, async () => {
    const text = textOf(
      await pageOf({ labels: folderOfImages(images, names), images: numberedImages(images.length) }),
    );
    for (const sentence of says) assertStringIncludes(text, sentence);
  });
}

Deno.test("A report is made of an annotator with one class, of one image, and of none", async () => {
  const metadata = smallMetadata({ classes: 1, k: 1 });
  const row: LabelMapRow = { ...smallRow(0, metadata), key: "0.jpg", label: 0, width: 0, height: 0 };
  const images = numberedImages(1);
  const one = textOf(await pageOf({ labels: folderOf([row], metadata), images }));
  assertStringIncludes(one, "1 of 1 class");
  assertStringIncludes(one, "100.0 % Agreement");
  const none = textOf(await pageOf({ labels: folderOf([], metadata), images }));
  assertStringIncludes(none, "0 images relabelled");
  assertStringIncludes(none, "There are none.");
});

Deno.test("A report counts rejected images over all shards, and names the first with their reasons", async () => {
  const labels = Deno.makeTempDirSync();
  const metadata = smallMetadata();
  for (const index of [0, 1]) {
    const shard = { index, count: 2 };
    const folder = openLabelMapFolder(labels, smallConfiguration({ metadata, rowsPerFile: 10 }), { shard });
    const part = folder.startPart(index);
    part.append({ ...smallRow(index, metadata), key: `${index}.jpg` });
    for (let image = 1; image < 7; image++) {
      part.reject({
        index: 10 * index + image,
        key: `bad/${10 * index + image}.jpg`,
        reason: `It is <no> image ${image}`,
      });
    }
    part.finish();
    folder.close();
  }
  const text = textOf(await pageOf({ labels, images: numberedImages(2) }));
  assertStringIncludes(text, "2 images relabelled");
  assertStringIncludes(text, "Rejected 12 images");
  assertStringIncludes(text, "in 2 files");
  assertMatch(
    text,
    /12 rejected images and why .* bad\/1\.jpg It is <no> image 1 .*bad\/12\.jpg It is <no> image 2 4 more/,
  );
  assert(!text.includes("bad/13.jpg"));
});

Deno.test("A report stays below 5 MB, with large maps, long names, and images that cannot be packed", async () => {
  const metadata = smallMetadata({ classes: 1000, k: 5, grid: [64, 64], dtype: "fp16" });
  const random = generator(7);
  const long = "long ".repeat(60);
  const rows = Array.from({ length: 24 }, (_, index): LabelMapRow => ({
    ...smallRow(index, metadata),
    key: `${index}${"k".repeat(index < 12 ? 200 : 100)}.png`,
    label: (index * 37) % 1000,
    // Four classes in each image, each in a quarter of its cells.
    class: Uint16Array.from({ length: 5 * 64 * 64 }, (_, at) => Math.floor(at / 1024) + 7 * index),
    score: quantise(
      Float32Array.from({ length: 5 * 64 * 64 }, (_, at) => random() * 5 + (at < 64 * 64 ? 8 : 0)),
      "fp16",
    ),
  }));
  const names = { name: Array.from({ length: 1000 }, (_, index) => `${index} ${long}`) };
  const labels = folderOf(rows, metadata, { classes: names, dataSetClasses: names });
  const images = imageFolder(Object.fromEntries(rows.map(({ key }, index) => [key, noise(index, [400, 400])])));
  const { bytes, missing } = await writeReport({ ...PLAIN, labels, images });
  assert(bytes < 5_000_000 && bytes > 1_000_000, `${bytes}`);
  assertEquals(missing, 0);
});

Deno.test("A report with boxes has the two charts of crops", async () => {
  const labels = folderOfImages(IMAGES, { classes: TWELVE });
  const images = numberedImages(5);
  const boxes = Deno.makeTempFileSync({ suffix: ".csv" });
  const table = (lines: string) => Deno.writeTextFileSync(boxes, `key,class,top,left,height,width\n${lines}`);
  table("0.jpg,tabby,0.1,0.1,0.5,0.5\n0.jpg,pier,0.5,0.5,0.5,0.5\n2,espresso,0,0,1,1\n3.jpg,tabby,0,0,1,1\n");
  const plain = await pageOf({ labels, images });
  const page = await pageOf({ labels, images, boxes });
  assertEquals(plain.match(/aria-hidden="true" width="380"/g)?.length, 1);
  assertEquals(page.match(/aria-hidden="true" width="380"/g)?.length, 3);
  assertMatch(
    textOf(page),
    /[\d.]+ % of 200 random crops show nothing of the labelled one \(figure 2; 2 images with boxes\)/,
  );
  table("0.jpg,pier,0.1,0.1,0.5,0.5\n");
  await assertRejects(
    () => writeReport({ ...PLAIN, labels, images, boxes }),
    TypeError,
    "none of 1 image with boxes has one of the class that its label names",
  );
  table("x.jpg,pier,0.1,0.1,0.5,0.5\n");
  await assertRejects(() => writeReport({ ...PLAIN, labels, images, boxes }), TypeError, 'no image of "x"');
});

Deno.test("A report is written whole or not at all", async () => {
  const labels = folderOfImages(IMAGES);
  const images = numberedImages(5);
  const folder = Deno.makeTempDirSync();
  await assertRejects(
    () => writeReport({ ...PLAIN, labels, images, out: folder }),
    TypeError,
    `Cannot write "${folder}": it is a folder, name a file`,
  );
  await assertRejects(
    () => writeReport({ ...PLAIN, labels, images, out: join(folder, "absent", "report.html") }),
    Deno.errors.NotFound,
    `Cannot write "${join(folder, "absent", "report.html")}": no such file or directory`,
  );
  assertEquals([...Deno.readDirSync(folder)].length, 0);
  const { path } = await writeReport({ ...PLAIN, labels: join(labels, "part-00000.parquet"), images });
  assertEquals(path, join(labels, "report.html"));
  assertEquals([...Deno.readDirSync(labels)].filter(({ name }) => name.endsWith(".partial")), []);
});

Deno.test("deno task report runs with the permissions that it has, and says what was written", async () => {
  const labels = folderOfImages(IMAGES, { classes: TWELVE });
  const images = numberedImages(4);
  const { code, out, error } = await runTask("report", labels, images, "--threshold", "0.25", "--seed", "3");
  assertEquals([code, error], [0, ""]);
  assertMatch(out, /^\S+\/report\.html: 5 images, [\d.]+ kB, 1 of 7 pictures missing, in [\d.]+ s\n$/);
  assertStringIncludes(textOf(Deno.readTextFileSync(join(labels, "report.html"))), "at a score of 0.25 or more");
});

Deno.test("deno task report says in a sentence how it was used wrongly", async () => {
  const labels = folderOfImages(IMAGES);
  const cases: [string[], number, RegExp][] = [
    [["--treshold", "0.2"], 2, /^Unknown option --treshold, did you mean --threshold\?/],
    [["--threshold", "2"], 2, /^Cannot use --threshold 2: expected a probability, 0 to 1$/m],
    [["a", "b", "c"], 2, /^Unexpected argument "c"/],
    [["/nowhere"], 1, /^Cannot read label maps from "\/nowhere"/],
    [["assets/photos", labels], 1, /^Cannot read label maps from "assets\/photos": it holds no manifest\.json/],
    [[labels, "/nowhere"], 1, /^Cannot open images "\/nowhere": no such file or folder$/m],
    [
      [labels, "assets/photos", "--boxes", "/nowhere.csv"],
      1,
      /^Cannot read boxes from "\/nowhere.csv": there is no such file$/m,
    ],
  ];
  for (const [args, code, message] of cases) {
    const result = await runTask("report", ...args);
    assertEquals([result.code, result.out], [code, ""], result.error);
    assertMatch(result.error, message);
    assertEquals(result.error.trimEnd().split("\n").length, 1, result.error);
  }
  const { code, out } = await runTask("report", "--help");
  assertEquals(code, 0);
  assertStringIncludes(out, "Usage: deno task report [LABELS] [IMAGES] [options]");
});

Deno.test("deno task relabel names the command of the report, or writes it", async () => {
  const out = join(Deno.makeTempDirSync(), "it's");
  const plain = await runTask("relabel", "assets/photos/several", "--out", out, "--show", "0");
  assertEquals(plain.code, 0, plain.error);
  assertStringIncludes(plain.out, `deno task report '${out.replace("'", "'\\''")}' assets/photos/several\n`);
  const written = await runTask("relabel", "assets/photos/several", "--out", out, "--show", "0", "--report");
  assertEquals(written.code, 0, written.error);
  assertMatch(written.out, /\/report\.html: 3 images, [\d.]+ kB, in /);
  assertStringIncludes(Deno.readTextFileSync(join(out, "report.html")), "several/four.jpg".slice(8));
});

Deno.test("a report compares no labels where no manifest says what they stand for, and says so", async () => {
  const labels = folderOfImages(IMAGES, { classes: TWELVE });
  Deno.removeSync(join(labels, "manifest.json"));
  const text = textOf(await pageOf({ labels, images: numberedImages(IMAGES.length) }));
  assertStringIncludes(text, "Labels cannot be ranked: there is no manifest that says what they stand for");
  assertStringIncludes(text, "unknown Agreement with given labels");
});

Deno.test("a report that is sent to others holds no path of this machine", async () => {
  const home = join(Deno.makeTempDirSync(), "home", "al ice");
  Deno.mkdirSync(home, { recursive: true });
  const [labels, images] = [join(home, "my labels"), join(home, "images")];
  Deno.renameSync(folderOfImages(IMAGES, { classes: TWELVE }), labels);
  Deno.renameSync(numberedImages(IMAGES.length), images);
  const manifest = JSON.parse(Deno.readTextFileSync(join(labels, "manifest.json")));
  manifest.parts[0].rejected = 2;
  Deno.writeTextFileSync(join(labels, "manifest.json"), JSON.stringify(manifest));
  const reasons = [
    `Cannot read row 3 of "${images}/a.parquet": it is damaged`,
    `${home.replace(" ", "")}/x.jpg is gone`,
  ];
  const rejected = reasons.map((reason, index) => `${JSON.stringify({ index, key: `${index}.png`, reason })}\n`);
  Deno.writeTextFileSync(join(labels, "rejected.jsonl"), rejected.join(""));
  Deno.removeSync(join(images, "2.jpg"));
  Deno.mkdirSync(join(images, "2.jpg"));
  const photograph = await sharp(await Deno.readFile(join(images, "0.jpg"))).withExif({
    IFD0: { ImageDescription: `${home}/0.jpg`, Artist: home },
  }).withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/">${home}</x:xmpmeta>`).jpeg().toBuffer();
  Deno.writeFileSync(join(images, "0.jpg"), photograph);
  const boxes = join(home, "boxes.csv");
  Deno.writeTextFileSync(boxes, "key,class,top,left,height,width\n0,0,0,0,1,1\n1,0,0,0,1,1\n");
  const page = await pageOf({ labels, images, boxes });
  assertStringIncludes(page, "<title>Label report: my labels</title>");
  assertStringIncludes(textOf(page), 'Cannot read row 3 of "a.parquet": it is damaged');
  assertStringIncludes(textOf(page), "x.jpg is gone");
  const pictures = [...page.matchAll(/base64,([A-Za-z0-9+/=]+)/g)].map(([, data]) => Uint8Array.fromBase64(data));
  const all = [
    page.replaceAll(/base64,[A-Za-z0-9+/=]+/g, ""),
    ...pictures.map((bytes) => new TextDecoder("latin1").decode(bytes)),
  ];
  for (
    const secret of ["al ice", "alice", "/home", Deno.cwd(), Deno.makeTempDirSync().split("/").slice(0, 2).join("/")]
  ) {
    assertEquals(all.filter((text) => text.includes(secret)).length, 0, secret);
  }
});

Deno.test("a report and deno task verify take characters of patterns in the name of a folder literally", async () => {
  for (const [name, sibling] of [["a?b", "axb"], ["a*", "ab"], ["[ab]", "a"], ["{a,b}", "a"], ['it\'s "a\\b"', "a"]]) {
    const folder = Deno.makeTempDirSync();
    const [labels, other] = [join(folder, name), join(folder, sibling)];
    Deno.renameSync(folderOfImages(IMAGES, { classes: TWELVE }), labels);
    Deno.renameSync(folderOfImages([...IMAGES, ...IMAGES], { classes: TWELVE }), other);
    const { path, images } = await writeReport({ ...PLAIN, labels, images: numberedImages(IMAGES.length) });
    assertEquals([path, images], [join(labels, "report.html"), IMAGES.length]);
    Deno.removeSync(path);
    const { out } = await runTask("verify", labels);
    assertEquals(out.split("\n")[0], `${labels}: ${IMAGES.length} rows in 1 file`);
  }
});
