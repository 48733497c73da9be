/**
 * What studies found as charts in SVG.
 *
 * @module
 */

// @ts-types="echarts/types"
import type { CustomSeriesOption, ScatterSeriesOption } from "echarts";
import { chartParts, drawChart, FILE_STYLE } from "../charts/draw.ts";
import type { Mean } from "./outcome_statistics.ts";

/** Means of one or two measures of some things. */
export interface MeansChart {
  readonly title: string;
  /** What the means are of, with their unit. */
  readonly axis: string;
  /** The things, from the top to the bottom. */
  readonly things: readonly string[];
  /** A mean of each thing, shares of 1. */
  readonly measures: readonly { readonly name: string; readonly means: readonly Mean[] }[];
}

/** Means by something that is a number. */
export interface PointsChart {
  readonly title: string;
  readonly xAxis: string;
  readonly yAxis: string;
  /** Whether the axis of x is logarithmic. */
  readonly isLogarithmic?: boolean;
  /** Kinds of points, two at most; `mean` is a share of 1. */
  readonly kinds: readonly {
    readonly name: string;
    readonly points: readonly { readonly label: string; readonly x: number; readonly mean: Mean }[];
  }[];
}

/**
 * Means side by side, with their standard errors.
 *
 * @param chart The means.
 * @returns The chart as SVG.
 */
export function meansChart({ title: name, axis: what, things, measures }: MeansChart): string {
  const { title, legend, axis, text } = chartParts(FILE_STYLE);
  return drawChart({
    title: title(name),
    legend: { ...legend(), data: measures.map(({ name }) => name) },
    grid: { left: 240, right: 30, top: 50, bottom: 70 },
    xAxis: { ...axis(what), scale: true },
    yAxis: {
      type: "category",
      inverse: true,
      data: [...things],
      axisTick: { show: false },
      axisLabel: text,
      splitLine: { show: true },
    },
    series: measures.flatMap(({ name, means }, index) => {
      const colour = FILE_STYLE.series[index];
      return [
        errorBars(means.map((mean, place) => ({ mean, place })), { name, colour, along: "x" }),
        points(name, colour, means.map(({ value }, row) => [100 * value, row])),
      ];
    }),
  }, { height: 120 + 36 * things.length, style: FILE_STYLE });
}

/**
 * Means by a number, with their standard errors.
 *
 * @param chart The means.
 * @returns The chart as SVG.
 */
export function pointsChart({ title: name, xAxis, yAxis, isLogarithmic = false, kinds }: PointsChart): string {
  const { title, legend, axis, text } = chartParts(FILE_STYLE);
  return drawChart({
    title: title(name),
    legend: { ...legend(), data: kinds.map(({ name }) => name) },
    grid: { left: 80, right: 120, top: 50, bottom: 80 },
    xAxis: { ...axis(xAxis), ...(isLogarithmic ? { type: "log" as const } : {}), scale: true },
    yAxis: { ...axis(yAxis, 45), scale: true },
    series: kinds.flatMap(({ name, points: found }, index) => {
      const colour = FILE_STYLE.series[index];
      return [
        errorBars(found.map(({ x, mean }) => ({ mean, place: x })), { name, colour, along: "y" }),
        {
          ...points(name, colour, found.map(({ x, mean: { value } }) => [x, 100 * value])),
          label: {
            ...text,
            show: true,
            position: "right" as const,
            formatter: ({ dataIndex }: { readonly dataIndex: number }) => found[dataIndex].label,
          },
        },
      ];
    }),
  }, { height: FILE_STYLE.height, style: FILE_STYLE });
}

function points(name: string, colour: string, data: number[][]): ScatterSeriesOption {
  return { name, type: "scatter", symbolSize: 10, itemStyle: { color: colour, opacity: 1 }, data };
}

/** How error bars look, and along which axis they lie. */
interface BarStyle {
  readonly name: string;
  readonly colour: string;
  readonly along: "x" | "y";
}

/** A line from a standard error below each mean to one above; none where the error is not known. */
function errorBars(
  means: readonly { readonly mean: Mean; readonly place: number }[],
  { name, colour, along }: BarStyle,
): CustomSeriesOption {
  return {
    name,
    type: "custom",
    itemStyle: { color: colour },
    renderItem(_, api) {
      const [low, high] = [0, 1].map((place) =>
        api.coord(along === "x" ? [api.value(place), api.value(2)] : [api.value(2), api.value(place)])
      );
      return {
        type: "line",
        shape: { x1: low[0], y1: low[1], x2: high[0], y2: high[1] },
        style: { stroke: colour, lineWidth: 2 },
      };
    },
    encode: along === "x" ? { x: [0, 1], y: 2 } : { x: 2, y: [0, 1] },
    data: means.flatMap(({ mean: { value, standardError }, place }) =>
      standardError === undefined ? [] : [[100 * (value - standardError), 100 * (value + standardError), place]]
    ),
  };
}
