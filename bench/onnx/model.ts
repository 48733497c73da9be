/**
 * ONNX models: nodes, constants and one input and output, as bytes.
 *
 * Field numbers are those of `onnx.proto` (ONNX 1.12, operator set 17).
 *
 * @module
 */

import {
  bytesField,
  type Field,
  floatField,
  integerField,
  integersField,
  message,
  textField,
} from "../../formats/tensorboard/protobuf.ts";

/** A tensor of float32. */
export interface OnnxTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The value of an attribute: an integer, a list of integers, or a float. */
export type AttributeValue = number | readonly number[] | { readonly float: number };

/** A node of the graph. */
export interface OnnxNode {
  /** `Conv`, `Clip`, ... */
  readonly type: string;
  /** Names of tensors, in the operator's order. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** The set of operators that the type is of; ONNX's own unless given. */
  readonly domain?: typeof MICROSOFT;
}

/** onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

/** The name of a tensor and its shape. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A graph; nodes stand in the order of computation. */
export interface OnnxGraph {
  readonly name: string;
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, OnnxTensor | BigInt64Array>;
}

const FLOAT = 1;
const INT64 = 7;

/**
 * Encodes a model.
 *
 * @param graph The graph.
 * @returns The bytes of an `.onnx` file.
 */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const encoded = message(
    ...graph.nodes.map((node) => bytesField(1, encodeNode(node))),
    textField(2, graph.name),
    ...[...graph.constants].map(([name, value]) => bytesField(5, encodeConstant(name, value))),
    bytesField(11, encodeValue(graph.input)),
    bytesField(12, encodeValue(graph.output)),
  );
  const operatorSets = [message(textField(1, ""), integerField(2, 17))];
  if (graph.nodes.some(({ domain }) => domain)) {
    operatorSets.push(message(textField(1, MICROSOFT), integerField(2, 1)));
  }
  return message(integerField(1, 8), bytesField(7, encoded), ...operatorSets.map((set) => bytesField(8, set)));
}

function encodeNode({ type, inputs, output, attributes = {}, domain }: OnnxNode): Field {
  return message(
    ...inputs.map((name) => textField(1, name)),
    textField(2, output),
    textField(3, output),
    textField(4, type),
    ...Object.entries(attributes).map(([name, value]) => bytesField(5, encodeAttribute(name, value))),
    ...domain ? [textField(7, domain)] : [],
  );
}

function encodeAttribute(name: string, value: AttributeValue): Field {
  if (typeof value === "number") return message(textField(1, name), integerField(3, value), integerField(20, 2));
  if ("float" in value) return message(textField(1, name), floatField(2, value.float), integerField(20, 1));
  return message(textField(1, name), integersField(8, value), integerField(20, 7));
}

function encodeConstant(name: string, value: OnnxTensor | BigInt64Array): Field {
  const integers = value instanceof BigInt64Array;
  const data = integers ? value : value.data;
  return message(
    integersField(1, integers ? [value.length] : value.shape),
    integerField(2, integers ? INT64 : FLOAT),
    textField(8, name),
    bytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  );
}

function encodeValue({ name, shape }: OnnxValue): Field {
  const dimensions = message(...shape.map((size) => bytesField(1, integerField(1, size))));
  const tensor = message(integerField(1, FLOAT), bytesField(2, dimensions));
  return message(textField(1, name), bytesField(2, bytesField(1, tensor)));
}
