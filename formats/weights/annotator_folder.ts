/**
 * The folder an annotator comes in: `config.json` as timm writes it, and the weights.
 *
 * Newer files keep what belongs to the weights under `pretrained_cfg`, older ones at the top level.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { failWith, fileError, unreadable } from "../base/files.ts";
import { showValue } from "../base/show_value.ts";
import { excessOfJson } from "./json_text.ts";
import { checkModelArguments } from "./model_arguments.ts";
import { openWeights } from "./open.ts";
import type { Weights } from "./weights.ts";
import { numberOf } from "../base/number_of.ts";
import { areTexts, isObject, parseJson } from "../base/json.ts";
import { INDEX } from "./sharded.ts";

/** An annotator on disk. */
export interface AnnotatorFolder {
  /** Architecture and tag, as timm names them: `tf_efficientnet_lite0.in1k`. */
  readonly name: string;
  /** timm's name of the architecture. */
  readonly architecture: string;
  /** Number of classes. */
  readonly classes: number;
  /** What the network was trained at, in pixels. */
  readonly inputSize: readonly [height: number, width: number];
  /** Mean of red, green and blue that is subtracted, with 255 as 1. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly interpolation: "bilinear" | "bicubic";
  /** What an evaluation sees of an image: the side of the crop over that of what it is cut from, and how it is cut. */
  readonly crop: { readonly share: number; readonly mode: string };
  /** What an evaluation sees by `test_input_size` and `test_crop_pct`; without them as the network was trained. */
  readonly test: { readonly size: readonly [height: number, width: number]; readonly share: number };
  /** What its logits are of, where the file says so: classes that exclude each other, or independent ones (`sigmoid`). */
  readonly scores?: "softmax" | "sigmoid";
  /** One name a class, where the file has them. */
  readonly classNames?: readonly string[];
  /** The open weights, which the caller closes. */
  readonly weights: Weights;
}

/** Names of weights that are taken without asking, the first that is there. */
const usualNames = ["model.safetensors", `model${INDEX}`, "pytorch_model.bin", "best.safetensors", "last.safetensors"];

/** How names of shards end. */
const SHARD = /-\d{5}-of-\d{5}\.safetensors$/;

/** Bytes of a `config.json`: names and descriptions of 20,000 classes take a tenth. */
const LARGEST_CONFIG = 16 << 20;
const DEEPEST_CONFIG = 16;

/** What the network says of itself; all else is said of its weights, by `pretrained_cfg` where there is one. */
const ownKeys = new Set(["architecture", "num_classes", "label_names", "labels", "scores"]);

/**
 * Opens the folder of an annotator.
 *
 * @param path The folder, or a weight file beside its `config.json`. In a folder the weights are `model.safetensors`, else
 *   the shards of `model.safetensors.index.json`, else `pytorch_model.bin`, else a training run's `best.safetensors`, else
 *   `last.safetensors`, else its only `.safetensors`, `.safetensors.index.json`, `.pth`, `.pth.tar`, `.pt` or `.bin`.
 * @returns The annotator's configuration and its open weights.
 * @throws {Deno.errors.NotFound} If the folder, its `config.json` or its weights are missing.
 * @throws {TypeError} If `config.json` is not one of a network like these, or the weights cannot be read.
 */
export async function openAnnotatorFolder(path: string): Promise<AnnotatorFolder> {
  const info = await Deno.stat(path)
    .catch(failWith(`Cannot read annotator "${path}"`, "there is no such folder or file"));
  const folder = info.isDirectory ? path : dirname(path);
  const config = await readConfig(join(folder, "config.json"));
  const weights = await openWeights(folder === path ? await findWeights(folder) : path);
  return { ...config, weights };
}

async function findWeights(folder: string): Promise<string> {
  const all: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory && /\.(safetensors|safetensors\.index\.json|pth|pth\.tar|pt|bin)$/.test(name)) all.push(name);
  }
  // A shard is part of what its index names.
  const names = all.filter((name) => !SHARD.test(name) || !all.includes(name.replace(SHARD, INDEX)));
  const usual = usualNames.find((name) => names.includes(name));
  if (usual) return join(folder, usual);
  if (names.length === 1) return join(folder, names[0]);
  if (names.length === 0) {
    throw new Deno.errors.NotFound(`Cannot read annotator "${folder}": it has no model.safetensors or other weights`);
  }
  throw new TypeError(`Cannot read annotator "${folder}": which of ${names.sort().join(", ")} is meant? Name the file`);
}

async function readConfig(path: string): Promise<Omit<AnnotatorFolder, "weights">> {
  const config = await readJson(path);
  const pretrained = isObject(config.pretrained_cfg) ? config.pretrained_cfg : {};
  const find = (key: string) => ownKeys.has(key) ? config[key] ?? pretrained[key] : pretrained[key] ?? config[key];
  const wrong = (key: string, expected: string) => {
    const found = find(key) === undefined ? "is missing" : `is ${showValue(find(key))}`;
    return unreadable(path, `${key} ${found}, expected ${expected}`);
  };

  const architecture = find("architecture");
  if (typeof architecture !== "string" || architecture === "") throw wrong("architecture", "timm's name of a network");
  const classes = find("num_classes");
  if (!Number.isInteger(classes) || (classes as number) < 1) throw wrong("num_classes", "a positive integer");
  if (isObject(config.model_args)) checkModelArguments(path, architecture, classes as number, config.model_args);
  const sizeOf = (key: string): readonly [height: number, width: number] => {
    const size = find(key);
    if (!isTriple(size) || size[0] !== 3 || !size.every((size) => Number.isInteger(size) && size > 0)) {
      throw wrong(key, "[3, height, width]");
    }
    return [size[1], size[2]];
  };
  const inputSize = sizeOf("input_size");
  const testSize = (find("test_input_size") ?? null) === null ? inputSize : sizeOf("test_input_size");
  const mean = find("mean");
  if (!isTriple(mean)) throw wrong("mean", "three numbers");
  const std = find("std");
  if (!isTriple(std) || !std.every((value) => value > 0)) throw wrong("std", "three positive numbers");
  const interpolation = find("interpolation");
  if (interpolation !== "bilinear" && interpolation !== "bicubic") throw wrong("interpolation", "bilinear or bicubic");
  // What timm takes where nothing is said.
  const shareOf = (key: string, otherwise: number): number => {
    const share = find(key) ?? otherwise;
    if (typeof share !== "number" || !(share > 0 && share <= 1)) throw wrong(key, "more than 0 and at most 1");
    return share;
  };
  const [share, mode] = [shareOf("crop_pct", 0.875), find("crop_mode") ?? "center"];
  if (typeof mode !== "string") throw wrong("crop_mode", "a word such as center");
  const classNames = find("label_names") ?? find("labels");
  if (classNames !== undefined && !(areTexts(classNames) && classNames.length === classes)) {
    throw unreadable(path, `label_names is not a list of ${numberOf(classes as number, "name")}`);
  }
  const scores = find("scores");
  if (scores !== undefined && scores !== "softmax" && scores !== "sigmoid") throw wrong("scores", "softmax or sigmoid");
  const tag = typeof pretrained.tag === "string" && !architecture.includes(".") ? pretrained.tag : "";
  return {
    name: tag === "" ? architecture : `${architecture}.${tag}`,
    architecture,
    classes: classes as number,
    inputSize,
    mean,
    std,
    interpolation,
    crop: { share, mode },
    test: { size: testSize, share: shareOf("test_crop_pct", share) },
    ...(scores === undefined ? {} : { scores }),
    ...(classNames === undefined ? {} : { classNames }),
  };
}

async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readSmallFile(path);
  const excess = excessOfJson(bytes, DEEPEST_CONFIG);
  if (excess !== undefined) throw unreadable(path, `it has ${excess}`);
  const config: unknown = parseJson(new TextDecoder().decode(bytes), `Cannot read "${path}": it is not JSON`);
  if (!isObject(config)) throw unreadable(path, "it is not a JSON object");
  return config;
}

async function readSmallFile(path: string): Promise<Uint8Array> {
  try {
    const { size } = await Deno.stat(path);
    if (size > LARGEST_CONFIG) {
      throw unreadable(path, `it has ${size} bytes, at most ${LARGEST_CONFIG} are read`);
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof TypeError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) throw fileError(`Cannot read "${path}"`, error);
    throw new Deno.errors.NotFound(`Cannot read annotator "${dirname(path)}": it has no ${basename(path)}`);
  }
}

function isTriple(value: unknown): value is [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((number) => Number.isFinite(number));
}
