/**
 * Where the hub is and where its files are kept, by the environment variables that Hugging Face's own tools read.
 *
 * Source: `constants.py` and `utils/_auth.py` of huggingface_hub 1.x. An empty variable counts as none.
 *
 * @module
 */

import { join } from "@std/path";
import { readIfThere, withSubject } from "../../base/files.ts";

/** Where to download from and to. */
export interface HubSettings {
  /** Address of the hub without a slash at its end. */
  readonly endpoint: string;
  /** Sent to the endpoint only, never to where it redirects. */
  readonly token?: string;
  /** The variable or file that the token is from. */
  readonly tokenSource?: string;
  /** Folder of the cache. */
  readonly cache: string;
  /** Whether to use the cache alone. */
  readonly offline: boolean;
}

/** What settings are read from. */
export interface HubEnvironment {
  /** Looks up a variable; undefined if it is not set. */
  readonly variable: (name: string) => string | undefined;
  /** The text of a file; undefined if there is none. */
  readonly file: (path: string) => string | undefined;
}

const processEnvironment: HubEnvironment = {
  variable: (name) => Deno.env.get(name),
  file: (path) => withSubject(`Cannot read the token in "${path}"`, () => readIfThere(path)),
};

/**
 * Reads the settings from the environment.
 *
 * - `HF_ENDPOINT`; default https://huggingface.co
 * - `HF_HUB_CACHE`, else `HUGGINGFACE_HUB_CACHE`, else the folder `hub` of `HF_HOME`, which is by default the folder
 *   `huggingface` of `XDG_CACHE_HOME`, by default `~/.cache`
 * - `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the file that `HF_TOKEN_PATH` names, by default `token` in `HF_HOME`,
 *   where `hf auth login` leaves it; none with `HF_HUB_DISABLE_IMPLICIT_TOKEN`
 * - `HF_HUB_OFFLINE`, else `TRANSFORMERS_OFFLINE`
 *
 * In paths `~`, `$NAME` and `${NAME}` stand for what they stand for in a shell.
 *
 * @param environment Where to look; default the process's environment and the disk.
 * @returns The settings.
 * @throws {TypeError} If no variable says where the cache is, a path has a name in it that stands for nothing, the endpoint is
 *   not an address, or the token is none.
 */
export function readHubSettings(environment: HubEnvironment = processEnvironment): HubSettings {
  const { variable } = environment;
  const endpoint = (variable("HF_ENDPOINT") || "https://huggingface.co").replace(/\/+$/, "");
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) {
    throw new TypeError(`Cannot use HF_ENDPOINT: "${endpoint}" is not a web address`);
  }
  return {
    endpoint,
    ...readToken(environment),
    cache: cacheFolder(environment),
    offline: isTrue(variable("HF_HUB_OFFLINE") || variable("TRANSFORMERS_OFFLINE")),
  };
}

function isTrue(text = ""): boolean {
  return ["1", "on", "yes", "true"].includes(text.toLowerCase());
}

function cacheFolder(environment: HubEnvironment): string {
  return pathOf(environment, "HF_HUB_CACHE") ?? pathOf(environment, "HUGGINGFACE_HUB_CACHE") ??
    join(hubHome(environment), "hub");
}

function hubHome(environment: HubEnvironment): string {
  return pathOf(environment, "HF_HOME") ??
    join(pathOf(environment, "XDG_CACHE_HOME") ?? join(home(environment, "HF_HOME"), ".cache"), "huggingface");
}

/** The path that a variable names, with what names in it stand for. */
function pathOf(environment: HubEnvironment, name: string): string | undefined {
  const path = environment.variable(name);
  if (!path) return undefined;
  const [, user, rest] = /^~([^/\\]*)(.*)$/s.exec(path) ?? [];
  if (user) throw new TypeError(`Cannot use ${name}: whose home "~${user}" is cannot be looked up, write the path`);
  const absolute = user === undefined ? path : home(environment, name) + rest;
  return absolute.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (_, plain, braced) => {
    const variable = plain ?? braced;
    const value = valueOf(environment, variable);
    if (value !== undefined) return value;
    throw new TypeError(`Cannot use ${name}: "${path}" names $${variable}, which is not set or may not be read`);
  });
}

/** The value of a variable, undefined also where this program may not read it. */
function valueOf({ variable }: HubEnvironment, name: string): string | undefined {
  try {
    return variable(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || error instanceof TypeError) return undefined; // or it is no name
    throw error;
  }
}

function home({ variable }: HubEnvironment, name: string): string {
  const folder = variable("HOME") || variable("USERPROFILE");
  if (folder) return folder;
  throw new TypeError(
    variable(name)
      ? `Cannot use ${name}: "${variable(name)}" names ~, and neither HOME nor USERPROFILE is set`
      : "Cannot find the cache of the hub: none of HF_HUB_CACHE, HF_HOME and HOME is set",
  );
}

function readToken(environment: HubEnvironment): { readonly token?: string; readonly tokenSource?: string } {
  const { variable, file } = environment;
  if (isTrue(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return {};
  for (const tokenSource of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const token = cleanToken(tokenSource, variable(tokenSource));
    if (token) return { token, tokenSource };
  }
  const path = tokenPath(environment);
  const token = path === undefined ? undefined : cleanToken(`"${path}"`, file(path));
  return token === undefined ? {} : { token, tokenSource: `"${path}"` };
}

/** Where a login leaves its token; undefined where there is no home. */
function tokenPath(environment: HubEnvironment): string | undefined {
  const { variable } = environment;
  const isSomewhere = ["HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME", "HOME", "USERPROFILE"].some(variable);
  return isSomewhere ? pathOf(environment, "HF_TOKEN_PATH") ?? join(hubHome(environment), "token") : undefined;
}

function cleanToken(source: string, text = ""): string | undefined {
  const token = text.replaceAll(/[\r\n]/g, "").trim();
  if (!/^[\x21-\x7e]*$/.test(token)) {
    throw new TypeError(`Cannot use the token in ${source}: it has characters that no token has`);
  }
  return token || undefined;
}
