/**
 * What becomes of the kernels on Metal and on DirectX 12: naga, which is wgpu's translator, writes the Metal Shading
 * Language 2.4 and HLSL of shader model 6.0 (with f16 6.2, as in wgpu), with wgpu's bounds checks.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { distinctTexts, OPERATION_KERNELS, type ShaderText } from "./catalogue.ts";

/** The oldest Rust that naga 29 can be built with. */
const OLDEST = 87;

const FOLDER = new URL("naga/", import.meta.url).pathname;

/** Why nothing can be built; undefined where it can. */
function whyMissing(): string | undefined {
  try {
    const { stdout } = new Deno.Command("cargo", { args: ["--version"], stderr: "null" }).outputSync();
    const version = /^cargo 1\.(\d+)/.exec(new TextDecoder().decode(stdout))?.[1];
    return Number(version) >= OLDEST ? undefined : `cargo is older than 1.${OLDEST}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no cargo";
    throw error;
  }
}

/** A kernel that could not be translated: its name, the language, and why. */
type Refusal = readonly [kernel: string, language: string, reason: string];

/** Translates texts, and gives those that could not be. */
async function translate(texts: readonly ShaderText[]): Promise<Refusal[]> {
  const folder = await Deno.makeTempDir();
  try {
    await Promise.all(texts.map(({ code }, index) => Deno.writeTextFile(`${folder}/${index}.wgsl`, code)));
    const { success, stdout, stderr } = await new Deno.Command("cargo", {
      args: ["run", "--quiet", "--release", "--", folder],
      cwd: FOLDER,
    }).output();
    const decoder = new TextDecoder();
    assertEquals(success, true, decoder.decode(stderr));
    return decoder.decode(stdout).split("\n").filter((line) => line !== "").map((line) => {
      const [index, language, reason] = line.split("\t");
      return [texts[Number(index)].name, language, reason];
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const missing = whyMissing();

Deno.test({
  name: `naga translates every text to MSL and HLSL, and turns wrong ones down${
    missing ? ` (not tried: ${missing})` : ""
  }`,
  ignore: missing !== undefined,
  async fn() {
    const main = "@compute @workgroup_size(1)\nfn main() { output[0] = missing; }";
    const output = "@group(0) @binding(0) var<storage, read_write> output: array<f32>;\n";
    const wrong = [
      { name: "an unknown name", code: output + main },
      { name: "a constant without a value", code: `override missing: f32;\n${output}${main}` },
    ];
    const refusals = (await translate(wrong)).toSorted();
    assertEquals(refusals.map(([name, language]) => [name, language]), [
      ["a constant without a value", "hlsl"],
      ["a constant without a value", "metal"],
      ["an unknown name", "wgsl"],
    ]);
    assertMatch(refusals[0][2], /override/i);
    const texts = distinctTexts(Object.values(OPERATION_KERNELS).flatMap((kernels) => kernels()));
    assertEquals(await translate(texts), []);
    console.log(`naga translated ${texts.length} shaders to MSL and HLSL`);
  },
});
