import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { closeDevice } from "../../../kernels/engine/device.ts";
import { openQuietDevice } from "../../../pipeline/model/quiet_device.ts";
import { tryKernel } from "../../../pipeline/doctor/trial_kernel.ts";
import { describeChoice } from "../../../pipeline/doctor/main.ts";
import { mpiTest, runRanks } from "../../mpi.ts";
import { ROOT, runTask, taskCommand } from "../task.ts";

Deno.test("deno task doctor shows adapter, profile, features, limits and versions, and tries them", async () => {
  const { code, out, error } = await runTask("doctor");
  assertEquals([code, error], [0, ""], out);
  const device = await openQuietDevice();
  const { adapter, software, profile, float16, subgroupLanes } = device.capabilities;
  closeDevice(device);
  assertStringIncludes(out, `\nadapter   ${adapter}`);
  assertStringIncludes(out, `\nprofile   ${profile} kernels\n`);
  assertStringIncludes(out, `\nfeatures  shader-f16 ${float16 ? "yes" : "no"}, timestamp-query `);
  const subgroups = subgroupLanes === undefined ? "subgroups no" : `subgroups of ${subgroupLanes} lanes`;
  assertEquals(new RegExp(`\\nfeatures .*, ${subgroups}\\n`).test(out), software, out);
  assertMatch(
    out,
    /\ntuned {5}(nothing measured yet; deno task tune does, and long runs do|\d+ layers? measured, in .*)\n/,
  );
  assertMatch(out, /\nlimits {4}binding \d+ MiB, buffer \d+ MiB\n/);
  assertStringIncludes(out, `\nkernels   a trial product is right in f32${float16 ? " and f16" : ""}\n`);
  assertStringIncludes(out, `\nDeno      ${Deno.version.deno} (V8 ${Deno.version.v8}) on ${Deno.build.target}\n`);
  assertMatch(out, /\ndecoder {3}sharp [\d.]+, libvips [\d.]+: read a JPEG of 451 x 300\n/);
  assertMatch(out, /\nDuckDB {4}v\d+\.\d+\.\d+\n/);
  assertMatch(out, /\nMPI {7}((MPICH|Open MPI) [\d.]+.*; started without a launcher|none \(libmpich\.so\.12, .*)\n$/);
});

Deno.test("deno task doctor says that images are decoded in WebAssembly where the native library may not be loaded", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-env", "pipeline/doctor/main.ts"],
    cwd: ROOT,
  }).output();
  const out = new TextDecoder().decode(stdout);
  assertEquals(success, false);
  const line =
    /^decoder {3}sharp [\d.]+ in WebAssembly, [^,]+ its native library, libvips [\d.]+: read a JPEG of 451 x 300$/m;
  assertMatch(out, line);
  assertMatch(out, /^DuckDB {4}Requires ffi access/m);
});

for (const implementation of ["MPICH", "Open MPI"] as const) {
  mpiTest("Each rank that a launcher starts with deno task doctor shows its place", implementation, async () => {
    const { code, out, error } = await runRanks(implementation, 2, ["task", "--quiet", "doctor"]);
    assertEquals([code, error], [0, ""], out);
    assertEquals(out.match(/^rank .*$/gm)?.map((line) => line.replace(/ +/, " ")).sort(), [
      "rank 0 of 2, 0 of the 2 on this machine",
      "rank 1 of 2, 1 of the 2 on this machine",
    ]);
    assertMatch(out, new RegExp(`\\nMPI {7}${implementation} [\\d.]+\\n`));
  });
}

Deno.test("describeChoice() says how one of several adapters is chosen, and which cannot be told apart", () => {
  const first = { id: "10de:20b5", name: "NVIDIA A100" };
  const second = { id: "10005:0", name: "llvmpipe" };
  assertEquals(describeChoice([first]), []);
  const [adapters, choice] = describeChoice([first, second]);
  assertEquals(adapters, { name: "adapters", text: "10de:20b5 NVIDIA A100, 10005:0 llvmpipe" });
  assertEquals(choice.text, "set MESA_VK_DEVICE_SELECT=NUMBER or VK_DRIVER_FILES=DRIVER.json for the process");
  assertMatch(describeChoice([first, first])[1].text, /^those of one number are chosen by what the process may open: /);
  assertMatch(describeChoice([first, first, second])[1].text, /^set MESA_VK_DEVICE_SELECT.*; those of one number /);
});

Deno.test("without an adapter deno task doctor says what to install, and deno task relabel names the doctor", async () => {
  // A backend that no system has beside the one the tests run on: the search finds nothing.
  const env = { DENO_WEBGPU_BACKEND: Deno.build.os === "windows" ? "metal" : "dx12" };
  const run = async (task: "doctor" | "relabel", args: string[]) => {
    const { code, stdout, stderr } = await taskCommand(task, args, env).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
  };
  const doctor = await run("doctor", []);
  assertEquals(doctor.code, 1);
  assertStringIncludes(doctor.out, "\nadapter  none found\n");
  assertStringIncludes(doctor.out, "apt-get install mesa-vulkan-drivers libvulkan1\n");
  const relabel = await run("relabel", ["--out", `${Deno.makeTempDirSync()}/labels`]);
  assertEquals([relabel.code, relabel.out], [1, ""]);
  assertMatch(relabel.error, /^Cannot find a WebGPU adapter: .* run `deno task doctor`\n$/);
});

Deno.test("tryKernel() finds an adapter that computes wrongly", async () => {
  const device = await openQuietDevice();
  const { gpu } = device;
  const createShaderModule = gpu.createShaderModule.bind(gpu);
  assertEquals(await tryKernel(device, "f32"), undefined);
  const wrong = new Proxy(gpu, {
    get(_, property) {
      if (property === "createShaderModule") {
        return ({ code, ...rest }: GPUShaderModuleDescriptor) =>
          createShaderModule({ ...rest, code: code.replace("+=", "-=") });
      }
      const value = Reflect.get(gpu, property);
      return typeof value === "function" ? value.bind(gpu) : value;
    },
  });
  assertMatch(
    await tryKernel({ ...device, gpu: wrong }, "f32") ?? "",
    /^value \d+ of a trial product is .*, expected /,
  );
  closeDevice(device);
});
