/**
 * Runs a test with a file in a folder of its own, which is removed after it.
 *
 * @param name Name of the file.
 * @param bytes What it holds.
 * @param test The test, which gets the file's path.
 */
export async function withFile(
  name: string,
  bytes: Uint8Array | string,
  test: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
