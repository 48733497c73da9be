/**
 * Loads the package sharp, which looks for its native library and, where that cannot be loaded (no `--allow-ffi`, another C
 * library, no package for this system), for its WebAssembly build: the same pixels, in about twice the time.
 *
 * @module
 */

// Named so that Deno fetches the package, in which sharp then finds its WebAssembly build.
import "@img/sharp-wasm32/versions" with { type: "json" };
import os from "node:os";
import process from "node:process";

type Sharp = typeof import("sharp").default;

let library: Promise<Sharp> | undefined;

/**
 * Loads the decoder, once.
 *
 * @returns The package's function.
 * @throws {Deno.errors.NotSupported} If neither build can be loaded on this machine.
 */
export function loadDecoder(): Promise<Sharp> {
  return library ??= withoutSurroundings(() => import("sharp")).then(({ default: sharp }) => {
    // Workers are the parallelism; and no image is decoded twice.
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  }, (error) => {
    const reason = String((error as Error).message).split("\n").find((line) => line.trim() !== "") ?? "";
    throw new Deno.errors.NotSupported(
      `Cannot load the image decoder sharp on ${Deno.build.os} ${Deno.build.arch} (${reason.trim()}): it needs ` +
        "--allow-ffi and npm's optional package @img/sharp for this system, or npm's package @img/sharp-wasm32",
    );
  });
}

/**
 * Which of sharp's builds was loaded.
 *
 * @param sharp What {@linkcode loadDecoder} gave.
 * @returns The build.
 */
export function decoderBuild(sharp: Sharp): "native" | "WebAssembly" {
  return "emscripten" in sharp.versions ? "WebAssembly" : "native";
}

/**
 * Loads something that needs no permission to see the environment or to count cores: both builds look at variables, and the
 * one in WebAssembly copies all of them and asks for the cores. It also puts Node's workers, of which it makes its threads,
 * in the place of the web's; afterwards each is made where it is meant.
 */
async function withoutSurroundings<Module>(load: () => Promise<Module>): Promise<Module> {
  const { env } = process;
  const { cpus } = os;
  const WebWorker = globalThis.Worker;
  process.env = {};
  os.cpus = () => new Array(1);
  try {
    return await load();
  } finally {
    process.env = env;
    os.cpus = cpus;
    const NodeWorker = globalThis.Worker;
    if (NodeWorker !== WebWorker) {
      globalThis.Worker = new Proxy(WebWorker, {
        construct: (_, [script, options]) => new (options?.name === THREAD ? NodeWorker : WebWorker)(script, options),
      });
    }
  }
}

/** What Emscripten calls the workers that are its threads. */
const THREAD = "em-pthread";
