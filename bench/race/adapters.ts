/**
 * Which adapters the contestants got: each asks for one by itself.
 *
 * A device cannot be asked for its adapter later: Deno 2.9 ends with a panic once the adapter is collected.
 *
 * @module
 */

/**
 * Notes every adapter that anyone in this process is given from now on.
 *
 * @returns Their names, a list that grows.
 */
export function noteAdapters(): readonly string[] {
  const names: string[] = [];
  const request = navigator.gpu.requestAdapter.bind(navigator.gpu);
  navigator.gpu.requestAdapter = async (options) => {
    const adapter = await request(options);
    if (adapter) names.push(adapter.info.description || adapter.info.device || adapter.info.vendor);
    return adapter;
  };
  return names;
}
