/**
 * The miniature's results as a chart in SVG.
 *
 * @module
 */

// @ts-types="echarts/types"
import type { CustomSeriesOption, ScatterSeriesOption } from "echarts";
import { chartParts, drawChart, FILE_STYLE } from "../charts/draw.ts";
import type { ResultRow } from "./results.ts";
import type { Mean } from "./outcome_statistics.ts";

/**
 * Accuracy by supervision, with its standard errors.
 *
 * @param rows The results.
 * @returns The chart as SVG.
 */
export function accuracyChart(rows: readonly ResultRow[]): string {
  const series = [
    { name: "top-1", of: ({ comparison }: ResultRow) => comparison.top1 },
    { name: "ReaL", of: ({ comparison }: ResultRow) => comparison.real },
  ];
  const { title, legend, axis, text } = chartParts(FILE_STYLE);
  return drawChart({
    title: title("Accuracy on test images by supervision"),
    legend: { ...legend(), data: series.map(({ name }) => name) },
    grid: { left: 240, right: 30, top: 50, bottom: 70 },
    xAxis: { ...axis("accuracy, % (+- standard error)"), scale: true },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map(({ title }) => title),
      axisTick: { show: false },
      axisLabel: text,
      splitLine: { show: true },
    },
    series: series.flatMap(({ name, of }, index) => {
      const means = rows.map(of);
      const colour = FILE_STYLE.series[index];
      return [errorBars(name, means, colour), points(name, means, colour)];
    }),
  }, { height: 120 + 36 * rows.length, style: FILE_STYLE });
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
