import { assert, assertEquals } from "@std/assert";
import {
  asSpecified,
  distinctTexts,
  formOf,
  needsFloat16,
  networkKernels,
  OPERATION_KERNELS,
  type ShaderText,
  shortestOfKind,
  trainingKernels,
} from "./catalogue.ts";
import { compileInChromium, openChromium } from "./chromium.ts";
import { compileTexts, type Complaint, type Stage } from "./compiler.ts";
import { openNullDevice } from "./tint.ts";

const texts = distinctTexts(Object.values(OPERATION_KERNELS).flatMap((kernels) => kernels()));
const specified = texts.map(asSpecified);

/** Browsers that compile at the same time. */
const BROWSERS = 2;

/** Texts that a compiler must turn down, and what it must say. */
function wrongTexts(type: "f32" | "f16"): (ShaderText & { readonly says: RegExp })[] {
  const enable = type === "f16" ? "enable f16;\n" : "";
  const text = (body: string) =>
    `${enable}@group(0) @binding(0) var<storage, read_write> output: array<${type}>;
var<workgroup> shared_: array<vec4<f32>, 64>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
${body}
}
`;
  return [
    {
      name: "a barrier that only some invocations reach",
      code: text("  if (local < 3u) { workgroupBarrier(); }\n  output[local] = 0;"),
      says: /uniform control flow/,
    },
    {
      name: "a barrier after some invocations returned",
      code: text("  if (output[local] > 0) { return; }\n  workgroupBarrier();\n  output[local] = 0;"),
      says: /uniform control flow/,
    },
    { name: "an unknown name", code: text(`  output[local] = ${type}(missing);`), says: /unresolved value 'missing'/ },
    {
      name: "more workgroup memory than WebGPU promises",
      code: text(`  shared_[local] = vec4<f32>();\n  output[local] = ${type}(shared_[local].x);`)
        .replace("vec4<f32>, 64>", "vec4<f32>, 2000>"),
      says: /workgroup storage/,
    },
  ];
}

/** Fails unless each text was complained about, for the reason it should be. */
function assertComplaints(complaints: readonly Complaint[], wrong: ReturnType<typeof wrongTexts>): void {
  assertEquals(complaints.map(({ name }) => name), wrong.map(({ name }) => name));
  wrong.forEach(({ name, says }, index) => {
    const message = complaints[index].errors.join("\n");
    assert(says.test(message), `Of ${name} the compiler says: ${message}`);
  });
}

Deno.test("the catalogue calls every kernel function of the operations and optimizers", async () => {
  const names = new Set<string>();
  for (const room of ["operations", "optimizers"]) {
    for await (const path of modules(new URL(`../../kernels/${room}/`, import.meta.url))) {
      for (const name of Object.keys(await import(path.href))) if (/Kernels?$/.test(name)) names.add(name);
    }
  }
  // Frames that kernel functions call, and the convolution's variants, which `convolutionKernels` chooses from.
  names.delete("itemKernel");
  names.delete("subgroupKernel");
  // A list of kernels that are functions of their own, and a choice of one: one hot, softmax or an activation.
  names.delete("optimizerKernels");
  names.delete("finishKernel");
  assertEquals(Object.keys(OPERATION_KERNELS), [...names].sort());
});

for (const mode of ["annotator", "training"] as const) {
  Deno.test(`the catalogue has every text of the operations of networks, as ${mode}`, () => {
    const known = new Set(texts.map(formOf));
    const missing = distinctTexts(networkKernels(mode)).filter((text) => !known.has(formOf(text)));
    assertEquals(missing.map(({ name }) => name), []);
  });
}

Deno.test("the catalogue has every text of the training plans of all families", () => {
  const known = new Set(texts.map(formOf));
  const missing = distinctTexts(trainingKernels()).filter((text) => !known.has(formOf(text)));
  assertEquals(missing.map(({ name }) => name), []);
});

async function* modules(folder: URL): AsyncIterable<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* modules(new URL(`${name}/`, folder));
    else yield new URL(name, folder);
  }
}

Deno.test("Chromium compiles every text without f16, one of each kind to a pipeline, and turns wrong ones down", async () => {
  const plain = specified.filter((text) => !needsFloat16(text));
  const kinds = shortestOfKind(plain);
  const wrong = wrongTexts("f32");
  // A browser compiles one text after the other.
  const browsers = await Promise.all(Array.from({ length: BROWSERS }, openChromium));
  const shared = async (texts: readonly ShaderText[], stage: Stage) => {
    const complaints = await Promise.all(
      browsers.map((browser, share) =>
        compileInChromium(browser, texts.filter((_, index) => index % BROWSERS === share), stage)
      ),
    );
    return complaints.flat();
  };
  try {
    assertComplaints(await compileInChromium(browsers[0], wrong, "pipeline"), wrong);
    assertEquals(await shared(plain, "module"), []);
    assertEquals(await shared(kinds, "pipeline"), []);
  } finally {
    await Promise.all(browsers.map(({ browser }) => browser.close()));
  }
  console.log(`Chromium compiled ${plain.length} shaders, ${kinds.length} to pipelines`);
});

Deno.test("Tint compiles every text, those with f16 too, and turns wrong ones down", async () => {
  const device = await openNullDevice();
  try {
    for (const wrong of [wrongTexts("f32"), wrongTexts("f16")]) {
      assertComplaints(await compileTexts(device, wrong, "pipeline"), wrong);
    }
    assertEquals(await compileTexts(device, specified, "pipeline"), []);
  } finally {
    device.destroy();
  }
  console.log(`Tint compiled ${texts.length} shaders, ${texts.filter(needsFloat16).length} of them with f16`);
});
