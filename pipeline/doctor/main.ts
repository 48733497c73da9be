/**
 * `deno task doctor`: what this machine can do, tried rather than looked up, and what to install where it cannot.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { fromFileUrl } from "@std/path";
import project from "../../deno.json" with { type: "json" };
import { decoderBuild, loadDecoder } from "../../formats/images/load_decoder.ts";
import { openDecodePool } from "../../formats/images/mod.ts";
import { type Capabilities, closeDevice } from "../../kernels/engine/device.ts";
import { openCommunicator } from "../command/mpi/communicator.ts";
import { describeLibrary, INSTALL, LIBRARY_NAMES, loadLibrary } from "../command/mpi/library.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { openQuietDevice } from "../model/quiet_device.ts";
import { readChoices, tunedPath } from "../model/tuned_kernels.ts";
import { listVulkanAdapters, type VulkanAdapter } from "../model/vulkan_adapters.ts";
import { runCommand } from "../command/run_command.ts";
import { printLine, printText } from "../command/terminal.ts";
import { printAnnotators } from "./list_annotators.ts";
import { printRequirements } from "./print_requirements.ts";
import { DOCTOR, type DoctorOptions } from "./options.ts";
import { tryKernel } from "./trial_kernel.ts";
import { closing } from "../../formats/base/closing.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly text: string;
  /** What to do, where it is missing. */
  readonly remedy?: string;
}

async function run({ listAnnotators, ofNetwork }: DoctorOptions): Promise<number> {
  if (listAnnotators !== undefined) return await printAnnotators(listAnnotators);
  if (ofNetwork) return await printRequirements(ofNetwork);
  const findings = [
    ...describeVersions(),
    ...await examineDevice(),
    ...describeChoice(listVulkanAdapters() ?? []),
    await examineDecoder(),
    await examineDuckDB(),
    ...await examineRanks(),
  ];
  const width = Math.max(...findings.map(({ name }) => name.length)) + 2;
  for (const { name, text } of findings) printLine(name.padEnd(width) + text);
  const remedies = findings.flatMap(({ remedy }) => remedy ? [remedy] : []);
  if (remedies.length === 0) return 0;
  printText(`\n${remedies.join("\n\n")}`);
  return 1;
}

function describeVersions(): Finding[] {
  const { deno, v8 } = Deno.version;
  return [
    { name: "project", text: `${project.name} ${project.version}` },
    { name: "Deno", text: `${deno} (V8 ${v8}) on ${Deno.build.target}` },
  ];
}

const NO_ADAPTER = `Install a driver for the adapter, then run this again:
  Debian, Ubuntu   apt-get install mesa-vulkan-drivers libvulkan1
  Fedora           dnf install mesa-vulkan-drivers vulkan-loader
  Arch             pacman -S vulkan-swrast vulkan-icd-loader
  NVIDIA           the vendor's driver, with libnvidia-gl and libvulkan1; in a container, NVIDIA_DRIVER_CAPABILITIES=all
  Windows, macOS   WebGPU needs nothing more; update the graphics driver
These bring the CPU as an adapter too (llvmpipe). If one is installed and not found: is /dev/dri open to this user, and
does VK_DRIVER_FILES, if it is set, name a file that is there?`;

async function examineDevice(): Promise<Finding[]> {
  let device;
  try {
    device = await openQuietDevice();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "none found" : (error as Error).message;
    return [{ name: "adapter", text: reason, remedy: NO_ADAPTER }];
  }
  using made = new DisposableStack();
  made.adopt(device, closeDevice);
  const { capabilities } = device;
  const trials: string[] = [];
  const problems: string[] = [];
  for (const storage of capabilities.float16 ? ["f32", "f16"] as const : ["f32"] as const) {
    const problem = await tryKernel(device, storage);
    if (problem) problems.push(`${storage}: ${problem}`);
    else trials.push(storage);
  }
  return [
    ...describeCapabilities(capabilities),
    describeTuned(capabilities),
    {
      name: "kernels",
      text: problems.length > 0 ? problems.join("; ") : `a trial product is right in ${trials.join(" and ")}`,
      ...(problems.length > 0
        ? { remedy: "The adapter computes wrongly: update its driver, or try another by VK_DRIVER_FILES" }
        : {}),
    },
  ];
}

function describeCapabilities(capabilities: Capabilities): Finding[] {
  const { adapter, software, profile, float16, subgroupLanes, timestamps, maxBindingBytes, maxBufferBytes } =
    capabilities;
  const features = [
    `shader-f16 ${float16 ? "yes" : "no"}`,
    `timestamp-query ${timestamps ? "yes" : "no"}`,
    ...(software ? [`subgroups ${subgroupLanes === undefined ? "no" : `of ${subgroupLanes} lanes`}`] : []),
  ];
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  return [
    { name: "adapter", text: `${adapter}${software ? ", the CPU behind Vulkan or OpenGL" : ""}` },
    { name: "profile", text: `${profile} kernels` },
    { name: "features", text: features.join(", ") },
    { name: "limits", text: `binding ${mebibytes(maxBindingBytes)}, buffer ${mebibytes(maxBufferBytes)}` },
  ];
}

/** What was measured on the adapter before. */
function describeTuned(capabilities: Capabilities): Finding {
  const name = "tuned";
  const path = tunedPath(capabilities, (variable) => Deno.env.get(variable));
  const { choices, problem } = path === undefined ? { choices: new Map() } : readChoices(path, capabilities);
  if (problem !== undefined) return { name, text: problem };
  if (choices.size === 0) return { name, text: `nothing measured yet; ${calledAs("tune")} does, and long runs do` };
  return { name, text: `${formatNumberOf(choices.size, "layer")} measured, in ${path}` };
}

/**
 * How one of several adapters is chosen.
 *
 * @param adapters The machine's adapters.
 * @returns Nothing where there is no choice.
 */
export function describeChoice(adapters: readonly Pick<VulkanAdapter, "id" | "name">[]): Finding[] {
  if (adapters.length < 2) return [];
  const ids = new Set(adapters.map(({ id }) => id));
  const choice: string[] = [];
  if (ids.size > 1) choice.push("set MESA_VK_DEVICE_SELECT=NUMBER or VK_DRIVER_FILES=DRIVER.json for the process");
  if (ids.size < adapters.length) {
    choice.push(
      "those of one number are chosen by what the process may open: srun --gpus-per-task=1, or a container each",
    );
  }
  return [
    { name: "adapters", text: adapters.map(({ id, name }) => `${id} ${name}`).join(", ") },
    { name: "choice", text: choice.join("; ") },
  ];
}

async function examineDecoder(): Promise<Finding> {
  const name = "decoder";
  const path = fromFileUrl(new URL("../../assets/photos/single/chelsea.jpg", import.meta.url));
  try {
    using pool = closing(openDecodePool(1));
    const { width, height } = await pool.decode({ index: 0, key: "chelsea.jpg", label: null, bytes: { path } });
    const sharp = await loadDecoder();
    const build = decoderBuild(sharp) === "native"
      ? ""
      : " in WebAssembly, which takes twice the time of its native library";
    const { versions } = sharp;
    return {
      name,
      text: `sharp ${versions.sharp}${build}, libvips ${versions.vips}: read a JPEG of ${width} x ${height}`,
    };
  } catch (error) {
    return {
      name,
      text: (error as Error).message,
      remedy:
        "Images cannot be decoded: run with the npm cache writable and a network once, so that Deno can install " +
        "sharp's package for this system",
    };
  }
}

async function examineDuckDB(): Promise<Finding> {
  const name = "DuckDB";
  try {
    const { DuckDBInstance } = await import("@duckdb/node-api");
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    const [[version]] = await (await connection.run("SELECT version()")).getRows();
    connection.closeSync();
    return { name, text: String(version) };
  } catch (error) {
    return {
      name,
      text: (error as Error).message.split("\n")[0],
      remedy:
        `${calledAs("query")} does not work: run with the npm cache writable and a network once, so that Deno can ` +
        "install DuckDB's package for this system (glibc 2.28 or newer on Linux)",
    };
  }
}

async function examineRanks(): Promise<Finding[]> {
  try {
    const communicator = await openCommunicator();
    if (!communicator) return [{ name: "MPI", text: findLibraries() }];
    const { rank, size, localRank, localSize, library } = communicator;
    await communicator.close();
    return [
      { name: "MPI", text: library },
      { name: "rank", text: `${rank} of ${size}, ${localRank} of the ${localSize} on this machine` },
    ];
  } catch (error) {
    return [{ name: "MPI", text: "fails", remedy: (error as Error).message }];
  }
}

function findLibraries(): string {
  const implementations = ["MPICH", "Open MPI"] as const;
  const found = implementations.map((implementation) => loadLibrary(implementation)).filter((library) => !!library);
  if (found.length > 0) return `${found.map(describeLibrary).join(", ")}; started without a launcher`;
  const names = implementations.flatMap((implementation) => LIBRARY_NAMES[implementation]);
  return `none (${names.join(", ")}); needed only to train on several devices: ${INSTALL.MPICH}`;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...DOCTOR, run });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
