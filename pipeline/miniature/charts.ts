/**
 * The miniature's results as charts in SVG.
 *
 * @module
 */

// @ts-types="echarts/types"
import { type CustomSeriesOption, type EChartsOption, init, type ScatterSeriesOption } from "echarts";
import { confidenceByOverlap, type SampledCrops, shareUpTo } from "./crops.ts";
import type { ResultRow } from "./results.ts";
import type { Mean } from "./statistics.ts";

const WIDTH = 760;

/** Two that differ for the colour-blind too (Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00"];

const TEXT = { fontFamily: "sans-serif", color: "#222" };

const TITLE = { left: "center", textStyle: { ...TEXT, fontSize: 16 } };

const LEGEND = { bottom: 0, itemGap: 30, textStyle: { ...TEXT, fontSize: 13 } };

/** Points of the curves over 0 to 1. */
const STEPS = 50;

/**
 * Accuracy by supervision, with its standard errors.
 *
 * @param rows The results.
 * @returns SVG.
 */
export function accuracyChart(rows: readonly ResultRow[]): string {
  const series = [
    { name: "top-1", of: ({ comparison }: ResultRow) => comparison.top1 },
    { name: "ReaL", of: ({ comparison }: ResultRow) => comparison.real },
  ];
  return draw(120 + 36 * rows.length, {
    title: { ...TITLE, text: "Accuracy on test images by supervision" },
    legend: { ...LEGEND, data: series.map(({ name }) => name) },
    grid: { left: 240, right: 30, top: 50, bottom: 70 },
    xAxis: { ...axis("accuracy, % (+- standard error)"), scale: true },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ title }) => title),
      axisTick: { show: false },
      axisLabel: { ...TEXT, fontSize: 13 },
      splitLine: { show: true },
    },
    series: series.flatMap(({ name, of }, index) => {
      const means = rows.map(of);
      return [errorBars(name, means, COLOURS[index]), points(name, means, COLOURS[index])];
    }),
  });
}

function points(name: string, means: readonly Mean[], colour: string): ScatterSeriesOption {
  return {
    name,
    type: "scatter",
    symbolSize: 10,
    itemStyle: { color: colour, opacity: 1 },
    data: means.map(({ value }, row) => [100 * value, row]),
  };
}

/** A line from a standard error below each mean to one above; none where the error is not known. */
function errorBars(name: string, means: readonly Mean[], colour: string): CustomSeriesOption {
  return {
    name,
    type: "custom",
    itemStyle: { color: colour },
    renderItem(_, api) {
      const [low, high] = [0, 1].map((place) => api.coord([api.value(place), api.value(2)]));
      return {
        type: "line",
        shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] },
        style: { stroke: colour, lineWidth: 2 },
      };
    },
    encode: { x: [0, 1], y: 2 },
    data: means.flatMap(({ value, standardError }, row) =>
      standardError === undefined ? [] : [[100 * (value - standardError), 100 * (value + standardError), row]]
    ),
  };
}

/**
 * How random crops overlap with the object that the label names, cumulated: the paper's figure 2.
 *
 * @param crops The crops.
 * @returns SVG.
 */
export function overlapChart({ overlap, bestOverlap }: SampledCrops): string {
  const curve = (name: string, values: Float64Array, colour: string) => ({
    name,
    type: "line" as const,
    showSymbol: false,
    itemStyle: { color: colour },
    data: Array.from({ length: STEPS + 1 }, (_, step) => [step / STEPS, 100 * shareUpTo(values, step / STEPS)]),
  });
  return draw(440, {
    title: { ...TITLE, text: "Overlap of random crops and objects" },
    legend: LEGEND,
    grid: { left: 70, right: 30, top: 50, bottom: 80 },
    xAxis: { ...axis("IoU of crop and box"), min: 0, max: 1 },
    yAxis: { ...axis("crops up to this IoU, %", 45), min: 0, max: 100 },
    series: [
      curve("labelled object", overlap, COLOURS[0]),
      curve("object it shows best", bestOverlap, COLOURS[1]),
    ],
  });
}

/**
 * How sure pooled labels are by the overlap of the crop and the labelled object: the paper's figure 5.
 *
 * @param crops The crops.
 * @returns SVG.
 */
export function confidenceChart(crops: SampledCrops): string {
  return draw(440, {
    title: { ...TITLE, text: "Confidence of ReLabel by overlap with the labelled object" },
    grid: { left: 70, right: 30, top: 50, bottom: 55 },
    xAxis: { ...axis("IoU of crop and box of the labelled object"), min: 0, max: 1 },
    yAxis: { ...axis("largest probability of the pooled label", 45), min: 0, max: 1 },
    series: [{
      name: "confidence",
      type: "line",
      symbol: "circle",
      symbolSize: 8,
      itemStyle: { color: COLOURS[0] },
      data: confidenceByOverlap(crops).map(({ overlap, confidence }) => [overlap, confidence]),
    }],
  });
}

function axis(name: string, nameGap = 30) {
  const text = { ...TEXT, fontSize: 13 };
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap,
    nameTextStyle: text,
    axisLabel: text,
    axisLine: { show: true },
  } as const;
}

function draw(height: number, option: EChartsOption): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption({ animation: false, backgroundColor: "#fff", textStyle: TEXT, ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
