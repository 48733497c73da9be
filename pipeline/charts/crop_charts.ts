/**
 * What random crops show, as charts: the paper's figures 2 and 5.
 *
 * @module
 */

import { confidenceByOverlap, type SampledCrops, shareUpTo } from "./crops.ts";
import { chartParts, type ChartStyle, drawChart, FILE_STYLE } from "./draw.ts";

/** Points of the curves over 0 to 1. */
const STEPS = 50;

/**
 * How random crops overlap with the object that the label names, cumulated: the paper's figure 2.
 *
 * @param crops The crops.
 * @param style How it looks; a file of its own unless given.
 * @returns The chart as SVG.
 */
export function overlapChart({ overlap, bestOverlap }: SampledCrops, style: ChartStyle = FILE_STYLE): string {
  const { title, legend, axis } = chartParts(style);
  const curve = (name: string, values: Float64Array, series: 0 | 1) => ({
    name,
    type: "line" as const,
    symbol: "none",
    itemStyle: { color: style.series[series] },
    lineStyle: { type: series === 0 ? "solid" : "dashed" } as const,
    data: Array.from({ length: STEPS + 1 }, (_, step) => [step / STEPS, 100 * shareUpTo(values, step / STEPS)]),
  });
  return drawChart({
    title: title("Overlap of random crops and objects"),
    legend: legend(),
    grid: { ...margins(style), bottom: style.hasTitle ? 80 : 68 },
    xAxis: { ...axis("IoU of crop and box"), min: 0, max: 1 },
    yAxis: { ...axis("crops up to this IoU, %", style.hasTitle ? 45 : 36), min: 0, max: 100 },
    series: [curve("labelled object", overlap, 0), curve("object it shows best", bestOverlap, 1)],
  }, { height: style.height, style });
}

/**
 * How sure pooled labels are by the overlap of the crop and the labelled object: the paper's figure 5.
 *
 * @param crops The crops.
 * @param style How it looks; a file of its own unless given.
 * @returns The chart as SVG.
 */
export function confidenceChart(crops: SampledCrops, style: ChartStyle = FILE_STYLE): string {
  const { title, axis } = chartParts(style);
  return drawChart({
    title: title("Confidence of ReLabel by overlap with the labelled object"),
    grid: { ...margins(style), bottom: style.hasTitle ? 55 : 44 },
    xAxis: { ...axis("IoU of crop and box of the labelled object"), min: 0, max: 1 },
    yAxis: { ...axis("largest probability of the pooled label", style.hasTitle ? 45 : 36), min: 0, max: 1 },
    series: [{
      name: "confidence",
      type: "line",
      symbol: "circle",
      symbolSize: 8,
      itemStyle: { color: style.series[0] },
      data: confidenceByOverlap(crops).map(({ overlap, confidence }) => [overlap, confidence]),
    }],
  }, { height: style.height, style });
}

function margins({ hasTitle }: ChartStyle) {
  return hasTitle ? { left: 70, right: 30, top: 50 } : { left: 52, right: 12, top: 12 };
}
