/**
 * The operations of networks: one folder and one line of this table each.
 *
 * A folder states its operation's type and {@linkcode Rule}: shape, kernels of both profiles, gradient, reference on the
 * CPU, and what it takes into its kernels. Everything that works with all operations asks the table. Folders that are not
 * in it hold kernels of other programs: losses, top-k, pooling of label maps, augmentation.
 *
 * @module
 */

import { activation } from "./activation/rule.ts";
import { add } from "./add/rule.ts";
import { attention } from "./attention/rule.ts";
import { batchNorm } from "./batch_norm/rule.ts";
import { blurPool } from "./blur_pool/rule.ts";
import { channelConvolution } from "./channel_convolution/rule.ts";
import { concatenate } from "./concatenate/rule.ts";
import { constantTensor } from "./constant_tensor/rule.ts";
import { channelNorm } from "./channel_norm/rule.ts";
import { convolution } from "./convolution/rule.ts";
import { globalAveragePool } from "./global_average_pool/rule.ts";
import { globalResponseNorm } from "./global_response_norm/rule.ts";
import { groupNorm } from "./group_norm/rule.ts";
import { linear } from "./linear/rule.ts";
import { multiply } from "./multiply/rule.ts";
import { outlookAttention } from "./outlook_attention/rule.ts";
import { parameterTensor } from "./parameter_tensor/rule.ts";
import { pool } from "./pool/rule.ts";
import { positionEmbedding } from "./position_embedding/rule.ts";
import { prefixTokens } from "./prefix_tokens/rule.ts";
import { putPositions } from "./put_positions/rule.ts";
import { reversePositions } from "./reverse_positions/rule.ts";
import { rotary } from "./rotary/rule.ts";
import { scale } from "./scale/rule.ts";
import type { Rule } from "./shared/rule.ts";
import { spaceToDepth } from "./space_to_depth/rule.ts";
import { takeChannels } from "./take_channels/rule.ts";
import { takePositions } from "./take_positions/rule.ts";
import { windows } from "./windows/rule.ts";

/** Rules by type of operation. */
export const OPERATIONS = {
  convolution,
  linear,
  batchNorm,
  channelNorm,
  groupNorm,
  globalResponseNorm,
  scale,
  activation,
  add,
  multiply,
  pool,
  globalAveragePool,
  prefixTokens,
  positionEmbedding,
  takePositions,
  putPositions,
  reversePositions,
  takeChannels,
  windows,
  spaceToDepth,
  parameterTensor,
  constantTensor,
  concatenate,
  blurPool,
  channelConvolution,
  outlookAttention,
  attention,
  rotary,
};

type Table = typeof OPERATIONS;
type OperationOf<R> = R extends Rule<infer O, infer _> ? O : never;

/** An operation of a network. */
export type Operation = OperationOf<Table[keyof Table]>;

/** The table by type of operation: an entry under another name than its type does not have this type. */
type RuleOfEach = { readonly [Type in Operation["type"]]: Rule<Extract<Operation, { type: Type }>> };

const RULES: RuleOfEach = OPERATIONS;

/** The rule of an operation. */
export function ruleOf(operation: Operation): Rule<Operation> {
  return RULES[operation.type];
}

/** Names of the tensors that an operation reads. */
export function inputsOf(operation: Operation): readonly string[] {
  return ruleOf(operation).inputs?.(operation) ?? [operation.input];
}
