import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openPublishedBoxes } from "../../../formats/boxes/mod.ts";
import { writeTar } from "../images/tar_writer.ts";

/** An annotation as ImageNet has it. */
function annotation(name: string, objects: string): string {
  return `<annotation>
	<folder>${name.split("_")[0]}</folder>
	<filename>${name}</filename>
	<source>
		<database>ImageNet database</database>
	</source>
	<size>
		<width>500</width>
		<height>375</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
${objects}</annotation>
`;
}

function object(name: string, edges: readonly number[]): string {
  const [xmin, ymin, xmax, ymax] = edges;
  return `	<object>
		<name>${name}</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
		<difficult>0</difficult>
		<bndbox>
			<xmin>${xmin}</xmin>
			<ymin>${ymin}</ymin>
			<xmax>${xmax}</xmax>
			<ymax>${ymax}</ymax>
		</bndbox>
	</object>
`;
}

const FILES = {
  "n01440764/n01440764_10040.xml": annotation("n01440764_10040", object("n01440764", [4, 9, 480, 370])),
  "n02099601/n02099601_7.xml": annotation(
    "n02099601_7",
    object("n02099601", [0, 0, 500, 375]) + object("a &amp; b", [10, 20, 30, 40]),
  ),
  "n02099601/n02099601_8.xml": annotation("n02099601_8", ""),
};

const EXPECTED = [
  {
    key: "n01440764/n01440764_10040",
    size: { width: 500, height: 375 },
    boxes: [{ class: "n01440764", left: 4, top: 9, right: 480, bottom: 370 }],
  },
  {
    key: "n02099601/n02099601_7",
    size: { width: 500, height: 375 },
    boxes: [
      { class: "n02099601", left: 0, top: 0, right: 500, bottom: 375 },
      { class: "a & b", left: 10, top: 20, right: 30, bottom: 40 },
    ],
  },
  { key: "n02099601/n02099601_8", size: { width: 500, height: 375 }, boxes: [] },
];

function write(name: string, content: string): string {
  const path = join(Deno.makeTempDirSync(), name);
  Deno.writeTextFileSync(path, content);
  return path;
}

Deno.test("ImageNet's XML files are read from class folders, a tar and a tar.gz", async () => {
  const folder = Deno.makeTempDirSync();
  for (const [name, text] of Object.entries(FILES)) {
    Deno.mkdirSync(join(folder, "boxes", name.split("/")[0]), { recursive: true });
    Deno.writeTextFileSync(join(folder, "boxes", name), text);
  }
  assertEquals(await Array.fromAsync(openPublishedBoxes(join(folder, "boxes"))!), EXPECTED);
  const tar = writeTar(Object.entries(FILES).map(([name, text]) => ({ name, content: text })));
  Deno.writeFileSync(join(folder, "boxes.tar"), tar);
  const packed = new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip"));
  Deno.writeFileSync(join(folder, "boxes.tar.gz"), new Uint8Array(await new Response(packed).arrayBuffer()));
  for (const name of ["boxes.tar", "boxes.tar.gz"]) {
    assertEquals(await Array.fromAsync(openPublishedBoxes(join(folder, name))!), EXPECTED);
  }
});

Deno.test("ImageNet's tables are read, several boxes in a line", async () => {
  const text = "ImageId,PredictionString\n" +
    "n02017213_7894,n02017213 115 49 448 294 \n" +
    "ILSVRC2012_val_00048981,n03995372 85 1 499 272 n03995372 1 2 3 4 \r\n";
  assertEquals(await Array.fromAsync(openPublishedBoxes(write("LOC_val_solution.csv", text))!), [
    { key: "n02017213_7894", boxes: [{ class: "n02017213", left: 115, top: 49, right: 448, bottom: 294 }] },
    {
      key: "ILSVRC2012_val_00048981",
      boxes: [
        { class: "n03995372", left: 85, top: 1, right: 499, bottom: 272 },
        { class: "n03995372", left: 1, top: 2, right: 3, bottom: 4 },
      ],
    },
  ]);
  assertEquals(openPublishedBoxes(write("boxes.csv", "key,class,top,left,height,width\n")), undefined);
});

Deno.test("COCO's boxes are read with the sizes of their images", async () => {
  const value = {
    annotations: [
      { id: 1, image_id: 9, category_id: 18, bbox: [10.5, 20, 30.25, 40] },
      { id: 2, image_id: 9, category_id: 3, bbox: [1, 2, 0, 4] },
    ],
    images: [{ id: 9, file_name: "a.b.jpg", width: 640, height: 480 }, {
      id: 8,
      file_name: "c.jpg",
      width: 4,
      height: 3,
    }],
    categories: [{ id: 3, name: "car" }, { id: 18, name: "dog" }],
  };
  assertEquals(await Array.fromAsync(openPublishedBoxes(write("instances.json", JSON.stringify(value)))!), [
    {
      key: "a.b",
      size: { width: 640, height: 480 },
      boxes: [{ class: "dog", left: 10.5, top: 20, right: 40.75, bottom: 60 }],
    },
    { key: "c", size: { width: 4, height: 3 }, boxes: [] },
  ]);
});

Deno.test("published boxes that cannot be understood are refused with file and place", async () => {
  const coco = (annotation: unknown) =>
    JSON.stringify({
      images: [{ id: 9, file_name: "a.jpg", width: 6, height: 4 }],
      annotations: [annotation],
      categories: [],
    });
  const cases: [string, string, string][] = [
    ["LOC_a.csv", "ImageId,PredictionString\na,n1 1 2 3", 'line 2 is "a,n1 1 2 3", expected an image, and a class'],
    ["LOC_a.csv", "ImageId,PredictionString\na,n1 1 2 3 x", 'line 2 has the box 1, 2, 3, "x", expected left, top'],
    ["LOC_a.csv", "ImageId,PredictionString\na,n1 5 2 3 4", "line 2 has the box 5, 2, 3, 4, expected left, top"],
    ["a.json", coco({ id: 1, image_id: 9, category_id: 1, bbox: [1, 2, 3, 4] }), "annotations[0] is of category 1"],
    ["a.json", coco({ id: 1, image_id: 9, category_id: 1 }), "bbox of annotations[0] is missing, expected left, top"],
    [
      "a.json",
      coco({ id: 1, image_id: 9, category_id: 1, bbox: [1, 2] }),
      "bbox of annotations[0] is [1,2], expected left",
    ],
    ["a.json", coco(7), "annotations[0] is 7, expected an object"],
  ];
  for (const [name, text, message] of cases) {
    const path = write(name, text);
    const error = await assertRejects(() => Array.fromAsync(openPublishedBoxes(path)!), Error, message);
    assertEquals(error.message.includes(`"${path}"`), true, error.message);
  }
  const xml: [string, string][] = [
    ["<a></a>", "it has no <annotation>"],
    [annotation("a", "<object></object>"), "object 0 has no name"],
    [annotation("a", "<object><name>n1</name></object>"), "object 0 has no bndbox"],
    [annotation("a", object("n1", [1, 2, 3])), 'object 0 has the box 1, 2, 3, "undefined"'],
    [annotation("a", "").replace("375", "-3"), 'its size is "500" x "-3", expected'],
  ];
  for (const [text, message] of xml) {
    const path = write("a.xml", text);
    await assertRejects(
      () => Array.fromAsync(openPublishedBoxes(path.slice(0, -6))!),
      Error,
      `Cannot read boxes from "${path}": ${message}`,
    );
  }
  await assertRejects(
    () => Array.fromAsync(openPublishedBoxes(Deno.makeTempDirSync())!),
    TypeError,
    "no file in it ends in .xml",
  );
});
