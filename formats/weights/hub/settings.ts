/**
 * Where the hub is and where its files are kept, by the environment variables that Hugging Face's own tools read.
 *
 * @module
 */

import { join } from "@std/path";

/** Where to download from and to. */
export interface HubSettings {
  /** Address of the hub without a slash at its end. */
  readonly endpoint: string;
  /** Sent to the endpoint only, never to where it redirects. */
  readonly token?: string;
  /** Folder of the cache. */
  readonly cache: string;
  /** Whether to use the cache alone. */
  readonly offline: boolean;
}

/**
 * Reads the settings from the environment.
 *
 * `HF_ENDPOINT` (default https://huggingface.co), `HF_TOKEN`, `HF_HUB_CACHE` or `HF_HOME` (default
 * `~/.cache/huggingface`, the cache being its folder `hub`), `HF_HUB_OFFLINE`.
 *
 * @param environment Looks up a variable; default the process's.
 * @returns The settings.
 * @throws {TypeError} If no variable says where the cache is, or the endpoint is not an address.
 */
export function readHubSettings(
  environment: (name: string) => string | undefined = (name) => Deno.env.get(name),
): HubSettings {
  const endpoint = (environment("HF_ENDPOINT") || "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new TypeError(`Cannot use HF_ENDPOINT: "${endpoint}" is not a web address`);
  }
  return {
    endpoint,
    token: environment("HF_TOKEN")?.trim() || undefined,
    cache: cacheFolder(environment),
    offline: ["1", "on", "yes", "true"].includes((environment("HF_HUB_OFFLINE") ?? "").toLowerCase()),
  };
}

function cacheFolder(environment: (name: string) => string | undefined): string {
  const cache = environment("HF_HUB_CACHE");
  if (cache) return cache;
  const hubHome = environment("HF_HOME");
  if (hubHome) return join(hubHome, "hub");
  const home = environment("HOME") || environment("USERPROFILE");
  if (!home) throw new TypeError("Cannot find the cache of the hub: none of HF_HUB_CACHE, HF_HOME and HOME is set");
  return join(home, ".cache", "huggingface", "hub");
}
