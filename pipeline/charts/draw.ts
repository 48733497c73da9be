/**
 * Charts as SVG, drawn by ECharts without a page.
 *
 * @module
 */

// @ts-types="echarts/types"
import { type EChartsOption, init } from "echarts";

/** How a chart looks. */
export interface ChartStyle {
  /** Width of the chart, in pixels at its own size. */
  readonly width: number;
  /** The usual one. */
  readonly height: number;
  readonly fontSize: number;
  /** Whether it says what it shows; a page has a caption beside it. */
  readonly hasTitle: boolean;
  readonly background: string;
  readonly text: string;
  /** Colour of the axes. */
  readonly line: string;
  /** Colour of the lines at the axes' marks. */
  readonly grid: string;
  /** Colours of the first and the second series. */
  readonly series: readonly [string, string];
}

/** A file of its own. The two series differ for the colour-blind too (Okabe and Ito). */
export const FILE_STYLE: ChartStyle = {
  width: 760,
  height: 440,
  fontSize: 13,
  hasTitle: true,
  background: "#fff",
  text: "#222",
  line: "#555",
  grid: "#ddd",
  series: ["#0072b2", "#d55e00"],
};

/** A part of a page, which gives the colours as variables: by day and by night, and when it is printed. */
export const PAGE_STYLE: ChartStyle = {
  width: 380,
  height: 280,
  fontSize: 12,
  hasTitle: false,
  background: "transparent",
  text: "currentColor",
  line: "var(--chart-line)",
  grid: "var(--chart-grid)",
  series: ["var(--chart-1)", "var(--chart-2)"],
};

/** What a chart says of its axis, title and legend in any style. */
export interface ChartParts {
  title(text: string): NonNullable<EChartsOption["title"]>;
  legend(): NonNullable<EChartsOption["legend"]>;
  /** An axis of numbers with its name, which is so far from it. */
  axis(name: string, nameGap?: number): ReturnType<typeof axis>;
  readonly text: { readonly fontFamily: string; readonly color: string; readonly fontSize: number };
}

/**
 * The parts that charts share.
 *
 * @param style How they look.
 * @returns The marks, ascending.
 */
export function chartParts(style: ChartStyle): ChartParts {
  const text = textOf(style);
  return {
    title: (title) => ({
      left: "center",
      show: style.hasTitle,
      text: title,
      textStyle: { ...text, fontSize: style.fontSize + 3 },
    }),
    legend: () => ({ bottom: 0, itemGap: 30, textStyle: text }),
    axis: (name, nameGap = 30) => axis(style, name, nameGap),
    text,
  };
}

function textOf({ text, fontSize }: ChartStyle) {
  return { fontFamily: "sans-serif", color: text, fontSize };
}

function axis(style: ChartStyle, name: string, nameGap: number) {
  const text = textOf(style);
  return {
    type: "value",
    name,
    nameLocation: "middle",
    nameGap,
    nameTextStyle: text,
    axisLabel: text,
    axisLine: { show: true, lineStyle: { color: style.line } },
    splitLine: { show: true, lineStyle: { color: style.grid } },
  } as const;
}

/**
 * Draws a chart.
 *
 * @param option What, in ECharts' terms.
 * @param size Height in pixels, and the style, which has the width.
 * @returns The chart as SVG.
 */
export function drawChart(option: EChartsOption, { height, style }: { height: number; style: ChartStyle }): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: style.width, height });
  try {
    chart.setOption({ animation: false, backgroundColor: style.background, textStyle: textOf(style), ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
