import { assertEquals } from "@std/assert";
import { stretch, stretchCorrections, STRETCHED } from "../../../../kernels/operations/augmentation/auto_contrast.ts";
import { itemKernel } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { testDevice } from "../../tensors.ts";

/**
 * SHA-256 of the tables that `ImageOps.autocontrast` of Pillow 13.0 makes: for each lowest value and each highest one above it
 * the bytes that the values from one to the other become.
 */
const PILLOW = "6a5340a4c95383a5a3d111a7df111ede7fbfbb6e08fc3d7bdeba838fe3dea70e";

Deno.test("stretch() gives Pillow's values of every value between every lowest and highest", async () => {
  const bytes: number[] = [];
  let floored = 0;
  for (let low = 0; low < 256; low++) {
    for (let high = low + 1; high < 256; high++) {
      for (let value = low; value <= high; value++) {
        const stretched = stretch(value, low, high);
        if (stretched !== Math.floor((value - low) * 255 / (high - low))) floored++;
        bytes.push(stretched);
      }
    }
  }
  assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))).toHex(), PILLOW);
  assertEquals(floored, 12094);
  assertEquals([stretch(7, 7, 7), stretch(0, 0, 255), stretch(255, 0, 255), stretch(9, 3, 9)], [7, 0, 255, 255]);
});

for (const profile of ["software", "gpu"] as const) {
  Deno.test(`stretched() gives the same on the device, ${profile}`, async () => {
    const device = await testDevice();
    const kernel = itemKernel({
      name: "stretch",
      profile,
      bindings: { corrections: "u32", output: "u32" },
      parameters: [],
      items: 256 * 256 * 64,
      functions: STRETCHED,
      body: `  let low = item / 64u / 256u;
  let high = item / 64u % 256u;
  var word = 0u;
  if (low < high) {
    for (var byte = 0u; byte < 4u; byte++) { word |= stretched(item % 64u * 4u + byte, low, high) << (8u * byte); }
  }
  output[item] = word;`,
    });
    const { output } = await runKernel(device, kernel, {
      corrections: stretchCorrections(),
      output: { bytes: 256 * 256 * 256 },
    });
    const bytes = new Uint8Array(output);
    let wrong = 0;
    for (let low = 0; low < 256; low++) {
      for (let high = low + 1; high < 256; high++) {
        for (let value = low; value <= high; value++) {
          if (bytes[(low * 256 + high) * 256 + value] !== stretch(value, low, high)) wrong++;
        }
      }
    }
    assertEquals(wrong, 0);
  });
}
