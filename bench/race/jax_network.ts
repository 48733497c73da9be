/**
 * Networks on jax-js in a race: the whole pass is one function, compiled by `jit`, of operations as jax-js's own `nn` and
 * `lax` have them.
 *
 * @module
 */

import { type Array as JaxArray, blockUntilReady, jit, lax, nn, numpy } from "@jax-js/jax";
import type { Operation } from "../../kernels/operations/mod.ts";
import { type AttentionOptions, PARTS } from "../../kernels/operations/attention/shape.ts";
import type { Contestant } from "./contestant.ts";
import { openJax } from "./jax.ts";
import type { NetworkPass } from "./network_passes.ts";
import { JAX } from "./single.ts";

type Weights = Record<string, JaxArray>;

/** A network up to its label map; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnJax(pass: NetworkPass): Promise<Contestant> {
  await openJax();
  const { network, operations, parameters, input, shape } = pass;
  const weights: Weights = Object.fromEntries(
    [...parameters].map(([name, { shape, data }]) => [name, numpy.array(new Float32Array(data)).reshape([...shape])]),
  );
  const compute = jit((weights: Weights, image: JaxArray) => {
    const tensors: Weights = { [network.input]: image };
    for (const operation of operations) tensors[operation.output] = translate(operation, tensors, weights);
    return tensors[network.dense.output];
  });
  await blockUntilReady(weights);
  return {
    name: JAX,
    run: async (repetitions) => {
      let result = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        const image = numpy.array(input).reshape([...shape]);
        const given = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight.ref]));
        result = await compute(given, image).data() as Float32Array<ArrayBuffer>;
      }
      return result;
    },
    close: () => {
      for (const weight of Object.values(weights)) weight.dispose();
    },
  };
}

/** All tensors have their channels last; arrays are used up by what reads them, so that each is read by `ref`. */
function translate(operation: Operation, tensors: Weights, weights: Weights): JaxArray {
  const input = tensors[operation.input].ref;
  const weight = (name: string) => weights[name].ref;
  const shifted = (value: JaxArray, bias: string | undefined) => bias === undefined ? value : value.add(weight(bias));
  switch (operation.type) {
    case "convolution": {
      const { stride, padding, groups, bias } = operation;
      if (padding === "same") throw new TypeError("Cannot pad so here");
      const result = lax.convGeneralDilated(
        numpy.transpose(input, [0, 3, 1, 2]),
        weight(operation.weight),
        [...stride],
        padding.map((side) => [side, side] as [number, number]),
        { featureGroupCount: groups },
      );
      return shifted(numpy.transpose(result, [0, 2, 3, 1]), bias);
    }
    case "linear":
      return shifted(numpy.matmul(input, weight(operation.weight).transpose()), operation.bias);
    case "channelNorm": {
      const normal = nn.standardize(input, -1, { epsilon: operation.epsilon });
      return shifted(normal.mul(weight(operation.weight!)), operation.bias);
    }
    case "activation":
      if (operation.function === "gelu") return nn.gelu(input, { approximate: false });
      break;
    case "scale":
      return input.mul(weight(operation.weight!));
    case "add":
      return input.add(tensors[operation.residual].ref);
    case "prefixTokens": {
      const [batch, height, width, channels] = input.shape;
      const tokens = operation.tokens.map(({ parameter, count }) =>
        numpy.broadcastTo(weight(parameter).reshape([1, 1, count, channels]), [batch, 1, count, channels])
      );
      return numpy.concatenate([...tokens, input.reshape([batch, 1, height * width, channels])], 2);
    }
    case "positionEmbedding":
      return input.add(weight(operation.parameter).reshape([1, ...input.shape.slice(1)]));
    case "attention":
      input.dispose();
      return attend(operation, tensors);
    case "takePositions": {
      const { first, count, grid = [1, count] } = operation;
      const [batch, , , channels] = input.shape;
      return input.slice([], [], [first, first + count], []).reshape([batch, ...grid, channels]);
    }
    case "takeChannels":
      return input.slice([], [], [], [operation.first, operation.first + operation.count]);
  }
  throw new TypeError(`Cannot compute ${operation.type} here`);
}

function attend(options: AttentionOptions, tensors: Weights): JaxArray {
  const { heads, headChannels, scale } = options;
  const [query, key, value] = PARTS.map((part) => {
    const { tensor, offset } = options[part];
    const [batch, , positions] = tensors[tensor].shape;
    return tensors[tensor].ref.slice([], [], [], [offset, offset + heads * headChannels])
      .reshape([batch, positions, heads, headChannels]);
  });
  const [batch, queries] = query.shape;
  return nn.dotProductAttention(query, key, value, { scale }).reshape([batch, 1, queries, heads * headChannels]);
}
