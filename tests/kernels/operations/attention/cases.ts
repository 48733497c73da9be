import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { sumTolerance } from "../../compare.ts";
import type { OperationCase } from "../check.ts";

type Attention = Extract<Operation, { type: "attention" }>;

/** Attention of a tensor that holds query, key and value one after the other. */
function selfAttention(what: string, shape: Shape, rest: Pick<Attention, "heads"> & Partial<Attention>): OperationCase {
  const { heads } = rest;
  const width = shape[3] - shape[3] % (12 * heads);
  const headChannels = width / 3 / heads;
  const [query, key, value] = [0, 1, 2].map((part) => ({ tensor: "qkv", offset: part * width / 3 }));
  const options = { query, key, value, headChannels, scale: headChannels ** -0.5, ...rest };
  return {
    what: `${what}, ${shape.join(" x ")}`,
    operations: [{ type: "attention", input: "qkv", output: "y", ...options }],
    inputs: {
      qkv: shape,
      ...(rest.bias ? { [rest.bias.table]: [1, 1, tableRows(rest.bias), heads] as const } : {}),
    },
    ...sums(shape[1] * shape[2] * headChannels),
  };
}

function tableRows({ grid: [height, width], prefix }: NonNullable<Attention["bias"]>): number {
  return (2 * height - 1) * (2 * width - 1) + 3 * prefix;
}

/**
 * The gradients read the output as it is stored, so that one of its roundings is in all of a row's sums. Gradients that come
 * from several parts of a tensor are stored before they are added.
 */
function sums(terms: number): Pick<OperationCase, "terms" | "tolerance"> {
  return {
    terms,
    tolerance: (storage) => {
      const { absolute, relative } = sumTolerance(storage, terms, Math.sqrt(terms));
      return { absolute: absolute + (storage === "f16" ? 2 ** -10 : 0), relative };
    },
  };
}

/** Attention of queries, keys and values of several tensors. */
function crossAttention(what: string, inputs: Record<string, Shape>, rest: Partial<Attention>): OperationCase {
  const options = {
    query: { tensor: "q", offset: 0 },
    key: { tensor: "k", offset: 0 },
    value: { tensor: "v", offset: 0 },
    heads: 2,
    headChannels: 8,
    scale: 0.5,
    ...rest,
  };
  const positions = Object.values(inputs).map(([, height, width]) => height * width);
  return {
    what,
    operations: [{ type: "attention", input: options.query.tensor, output: "y", ...options }],
    inputs,
    ...sums(Math.max(...positions) * options.headChannels),
  };
}

export const cases: readonly OperationCase[] = [
  selfAttention("tokens", [2, 1, 13, 24], { heads: 2 }),
  selfAttention("prime sides, channels left over", [1, 3, 5, 38], { heads: 3 }),
  selfAttention("one position", [1, 1, 1, 12], { heads: 1 }),
  ...[16, 72].map((headChannels) =>
    selfAttention(`heads of ${headChannels}`, [1, 1, 9, headChannels * 3], { heads: 1 })
  ),
  selfAttention("more keys than a tile", [1, 1, 71, 24], { heads: 2 }),
  selfAttention("relative positions", [5, 3, 4, 36], {
    heads: 3,
    bias: { table: "table", grid: [3, 4], prefix: 0 },
  }),
  selfAttention("relative positions with a class token", [2, 1, 11, 24], {
    heads: 2,
    bias: { table: "table", grid: [2, 5], prefix: 1 },
  }),
  selfAttention("shifted windows", [6, 3, 4, 36], {
    heads: 3,
    bias: { table: "table", grid: [3, 4], prefix: 0 },
    mask: { grid: [6, 12], window: [3, 4], shift: [1, 2] },
  }),
  selfAttention("windows shifted along one axis", [4, 2, 3, 24], {
    heads: 2,
    mask: { grid: [4, 6], window: [2, 3], shift: [0, 1] },
  }),
  crossAttention("query, key and value of each head side by side", { q: [2, 1, 7, 51] }, {
    query: { tensor: "q", offset: 0 },
    key: { tensor: "q", offset: 8 },
    value: { tensor: "q", offset: 16 },
    headStride: 24,
  }),
  crossAttention("queries and values of heads between each other", { q: [1, 1, 6, 32], k: [1, 1, 6, 36] }, {
    value: { tensor: "q", offset: 8 },
    key: { tensor: "k", offset: 4 },
    headStride: 16,
  }),
  crossAttention("one query of a tensor, keys and values of another", { q: [2, 1, 1, 16], k: [2, 3, 5, 36] }, {
    key: { tensor: "k", offset: 0 },
    value: { tensor: "k", offset: 16 },
  }),
  crossAttention("three tensors, a bias and a mask", {
    q: [2, 2, 3, 16],
    k: [2, 2, 3, 17],
    v: [2, 2, 3, 20],
    table: [1, 1, 15, 2],
  }, {
    value: { tensor: "v", offset: 4 },
    bias: { table: "table", grid: [2, 3], prefix: 0 },
    mask: { grid: [2, 6], window: [2, 3], shift: [0, 1] },
  }),
  crossAttention("keys that are the queries", { q: [1, 1, 7, 32] }, {
    key: { tensor: "q", offset: 0 },
    value: { tensor: "q", offset: 16 },
  }),
  crossAttention("queries, keys and values that are the same", { q: [1, 1, 7, 16] }, {
    key: { tensor: "q", offset: 0 },
    value: { tensor: "q", offset: 0 },
  }),
  crossAttention("queries and values of one tensor", { q: [2, 1, 6, 32], k: [2, 1, 6, 16] }, {
    value: { tensor: "q", offset: 16 },
  }),
  crossAttention("queries and keys of one tensor", { q: [2, 1, 6, 32], v: [2, 1, 6, 16] }, {
    key: { tensor: "q", offset: 16 },
  }),
];
