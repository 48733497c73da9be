import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { classCountChart } from "../../../pipeline/charts/class_count_chart.ts";
import { confidenceChart, overlapChart } from "../../../pipeline/charts/crop_charts.ts";
import { FILE_STYLE, PAGE_STYLE } from "../../../pipeline/charts/draw.ts";

const CROPS = {
  overlap: Float64Array.of(0, 0, 0.2, 0.5, 0.9),
  bestOverlap: Float64Array.of(0.1, 0.3, 0.2, 0.5, 0.9),
  confidence: Float64Array.of(0.2, 0.3, 0.5, 0.7, 0.9),
};
const COUNTS = [{ carried: 1, share: 0.75 }, { carried: 3, share: 0.25 }];

/** Colours of a chart's texts, and of its lines where they have a width. */
function colours(svg: string): string[] {
  const texts = [...svg.matchAll(/<text [^>]*fill="([^"]*)"/g)];
  const lines = [...svg.matchAll(/stroke="([^"]*)"(?! stroke-width="0")/g)];
  return [...new Set([...texts, ...lines].map(([, colour]) => colour))].sort();
}

Deno.test("Charts of a page have the page's colours, and no title; those of a file have their own", () => {
  const lines = ["var(--chart-1)", "var(--chart-2)", "var(--chart-grid)", "var(--chart-line)"];
  assertEquals(colours(overlapChart(CROPS, PAGE_STYLE)), ["currentColor", ...lines]);
  assertEquals(colours(confidenceChart(CROPS, PAGE_STYLE)), ["currentColor", lines[0], ...lines.slice(2)]);
  for (const chart of [overlapChart, confidenceChart]) {
    const title = /font-size:16px[^>]*>([^<]*)</.exec(chart(CROPS))![1];
    assertMatch(title, /overlap/i);
    assert(!chart(CROPS, PAGE_STYLE).includes(title));
    assert(!/var\(|currentColor/.test(chart(CROPS)));
    assertStringIncludes(chart(CROPS), FILE_STYLE.series[0]);
  }
});

Deno.test("classCountChart() has a bar for each number of classes, those that no image carries too", () => {
  const svg = classCountChart(COUNTS, PAGE_STYLE);
  const labels = [...svg.matchAll(/>([\d.]+) %<\/text>/g)].map(([, share]) => share);
  assertEquals(labels, ["0.0", "75.0", "0.0", "25.0"]);
});
