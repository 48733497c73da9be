/**
 * How many images carry no class, one, two, ..., as a chart.
 *
 * @module
 */

import { chartParts, type ChartStyle, drawChart } from "./draw.ts";

/** Images that carry a number of classes. */
export interface ClassCount {
  readonly carried: number;
  /** Share of all images that carry so many classes, 0 to 1. */
  readonly share: number;
}

/**
 * The share of images by the number of classes they carry.
 *
 * @param counts The bars, by ascending number of classes.
 * @param style How it looks.
 * @returns The chart as SVG.
 */
export function classCountChart(counts: readonly ClassCount[], style: ChartStyle): string {
  const { axis, text } = chartParts(style);
  const most = Math.max(...counts.map(({ carried }) => carried));
  const shares = Array.from({ length: most + 1 }, (_, carried) => {
    return 100 * (counts.find((count) => count.carried === carried)?.share ?? 0);
  });
  return drawChart({
    grid: { left: 52, right: 12, top: 24, bottom: 44 },
    xAxis: {
      ...axis("classes that an image carries"),
      type: "category",
      data: shares.map((_, carried) => String(carried)),
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: { ...axis("images, %", 36), min: 0 },
    series: [{
      type: "bar",
      barWidth: "64%",
      itemStyle: { color: style.series[0] },
      label: { show: true, position: "top", formatter: ({ value }) => `${(value as number).toFixed(1)} %`, ...text },
      data: shares,
    }],
  }, { height: style.height, style });
}
