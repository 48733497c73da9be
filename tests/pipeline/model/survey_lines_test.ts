import { assertEquals } from "@std/assert";
import { surveyLines } from "../../../pipeline/model/survey_lines.ts";

Deno.test("surveyLines() says how many images have labels, why others have none, and what was passed over", () => {
  const survey = { images: 1, labelled: 1, unlabelled: [], passedOver: [], remarks: [] };
  assertEquals(surveyLines(survey), ["  labels     1 image, with a label"]);
  const negative = { what: "with a negative label", count: 1, first: "a.parquet/7" };
  const bare = { what: "in no class folder", count: 2, first: "bare\n.jpg" };
  assertEquals(surveyLines({ ...survey, labelled: 0, unlabelled: [negative] }), [
    '  labels     1 image, without a label: 1 with a negative label ("a.parquet/7")',
  ]);
  assertEquals(surveyLines({ ...survey, images: 3, unlabelled: [{ ...negative, count: 2 }] }), [
    '  labels     1 of 3 images has a label, 2 have none: 2 with a negative label ("a.parquet/7")',
  ]);
  assertEquals(surveyLines({ ...survey, images: 1234, labelled: 1233, unlabelled: [negative] }), [
    '  labels     1,233 of 1,234 images have a label, 1 has none: 1 with a negative label ("a.parquet/7")',
  ]);
  assertEquals(
    surveyLines({
      images: 3,
      labelled: 0,
      unlabelled: [bare, negative],
      passedOver: [{ what: ".txt", count: 1200, first: "a.txt" }, { what: "hidden", count: 1, first: ".x" }],
      remarks: ['Column "caption" is not used'],
    }),
    [
      '  labels     none of 3 images has a label: 2 in no class folder ("bare\\n.jpg"), 1 with a negative label ("a.parquet/7")',
      "  files      1,201 files passed over: 1,200 .txt, 1 hidden",
      '  note       Column "caption" is not used',
    ],
  );
});
