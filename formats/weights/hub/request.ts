/**
 * Requests to the hub, and what it says about a file.
 *
 * `HEAD /owner/name/resolve/REVISION/FILE` answers with `X-Repo-Commit`, and for a file in large file storage, whose `GET` is
 * redirected to another host, with `X-Linked-Size` and `X-Linked-Etag`, its SHA-256. The `ETag` of any other file is git's hash
 * of it.
 *
 * @module
 */

import { showValue } from "../../base/show_value.ts";
import { isBlobName } from "./blob_hash.ts";
import { isCommit } from "./hub_cache.ts";
import { type HubReference, kindName, repositoryPath } from "./hub_reference.ts";
import { HubUnreachableError, passingFailure, pauseOf, reasonOf } from "./retry.ts";
import type { HubSettings } from "./hub_settings.ts";

/** What the hub says about a file. */
export interface RemoteFile {
  readonly name: string;
  readonly url: string;
  /** The commit that the revision is at. */
  readonly commit: string;
  /** SHA-256 (64 digits) or git's blob hash (40 digits). */
  readonly hash: string;
  /** Size of the file in bytes. */
  readonly size: number;
}

const maximumRedirects = 5;
/** How long the hub may be silent. */
const silence = 30_000;

/**
 * Asks the hub for a file without its content.
 *
 * @param settings Where the hub is.
 * @param reference The model.
 * @param revision The revision, which is the commit once that is known.
 * @param name The file.
 * @returns Size, hash and address of the file; undefined if the model has no such file.
 * @throws {HubUnreachableError} If the hub does not answer.
 * @throws {Error} If it refuses, or does not answer as a hub.
 */
export async function describeFile(
  settings: HubSettings,
  reference: HubReference,
  revision: string,
  name: string,
): Promise<RemoteFile | undefined> {
  const repository = `${settings.endpoint}/${repositoryPath(reference)}`;
  const url = `${repository}/resolve/${encodeURIComponent(revision)}/${name}`;
  const { response } = await request(settings, reference, url, { method: "HEAD", stopAt: "x-repo-commit" });
  await response.body?.cancel();
  if (response.status === 404 && isMissingEntry(response)) return undefined;
  if (response.status >= 400) throw refusal(settings, reference, { response });
  const { headers } = response;
  const commit = headers.get("x-repo-commit") ?? "";
  const hash = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "").replace(/^W\//, "").replaceAll('"', "");
  const size = headers.get("x-linked-size") ?? headers.get("content-length");
  if (!isCommit(commit) || !isBlobName(hash) || !/^\d{1,15}$/.test(size ?? "")) {
    throw new Error(
      `Cannot download "${reference.text}": ${settings.endpoint} does not answer as a hub ` +
        `(commit "${commit}", hash "${hash}", size ${size})`,
    );
  }
  return { name, url, commit, hash, size: Number(size) };
}

/** A request that follows redirects itself. */
export interface RequestOptions {
  readonly method: "GET" | "HEAD";
  /** First byte wanted; default 0. */
  readonly offset?: number;
  /** The byte after the last one wanted; default the end. */
  readonly end?: number;
  /** A header whose presence ends the following of redirects. */
  readonly stopAt?: string;
}

/** An answer, and a function that postpones the moment at which the hub counts as silent. */
export interface Answer {
  readonly response: Response;
  /** Who answered, where the hub redirected to another host. */
  readonly host?: string;
  readonly keepAlive: () => void;
  /** Ends the watch over silence; to be called when the body has been read. */
  readonly done: () => void;
}

/**
 * Sends a request, the token going to the endpoint's own origin only.
 *
 * @param settings Where the hub is.
 * @param reference The model, for messages.
 * @param url The address.
 * @param options What to ask.
 * @returns The answer, whatever its status.
 * @throws {HubUnreachableError} If there is none.
 * @throws {Error} If it redirects in circles, or to what is no web address.
 */
export async function request(
  settings: HubSettings,
  reference: HubReference,
  url: string,
  options: RequestOptions,
): Promise<Answer> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const done = () => clearTimeout(timer);
  const keepAlive = () => {
    done();
    timer = setTimeout(() => controller.abort(new HubUnreachableError(`no answer for ${silence / 1000} s`)), silence);
  };
  const { origin } = new URL(settings.endpoint);
  const wrong = (what: string) => new Error(`Cannot download "${reference.text}": ${settings.endpoint} ${what}`);
  let target = new URL(url);
  try {
    for (let redirects = 0; redirects <= maximumRedirects; redirects++) {
      keepAlive();
      const headers = new Headers({ "accept-encoding": "identity" });
      if (settings.token && target.origin === origin) headers.set("authorization", `Bearer ${settings.token}`);
      const { offset = 0, end } = options;
      if (offset > 0 || end !== undefined) headers.set("range", `bytes=${offset}-${end === undefined ? "" : end - 1}`);
      const response = await send(target, { method: options.method, headers, signal: controller.signal });
      const location = response.headers.get("location");
      const redirected = response.status >= 300 && response.status < 400 && location;
      if (!redirected || (options.stopAt && response.headers.has(options.stopAt))) {
        if (options.method === "HEAD") done();
        return { response, ...(target.origin === origin ? {} : { host: target.host }), keepAlive, done };
      }
      await response.body?.cancel();
      const next = URL.parse(location, target);
      if (next?.protocol !== "https:" && next?.protocol !== "http:") {
        throw wrong(`redirects to ${showValue(location)}, which is no web address`);
      }
      target = next;
    }
    throw wrong(`redirects more than ${maximumRedirects} times`);
  } catch (error) {
    done();
    throw error;
  }
}

async function send(target: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, { ...init, redirect: "manual" });
  } catch (error) {
    throw new HubUnreachableError(reasonOf(error), { cause: error });
  }
}

/**
 * Says why the hub refuses.
 *
 * @param settings Where the hub is.
 * @param reference The model.
 * @param answer The hub's answer.
 * @returns The error to throw; a {@linkcode HubUnreachableError} if it may pass.
 */
export function refusal(
  settings: HubSettings,
  reference: HubReference,
  { response, host }: Pick<Answer, "response" | "host">,
): Error {
  const { status } = response;
  // An address of another host is good for some minutes; the hub gives a new one.
  if (host !== undefined) {
    return new HubUnreachableError(`${host} answers ${status}`, { status, retryAfter: pauseOf(response.headers) });
  }
  const passing = passingFailure("it", response);
  if (passing) return passing;
  const start = `Cannot download "${reference.text}": ${settings.endpoint}`;
  switch (status) {
    case 401:
      if (settings.token) {
        return new Error(`${start} does not accept the token in ${settings.tokenSource ?? "HF_TOKEN"} (401)`);
      }
      return new Error(
        response.headers.get("x-error-code") === "GatedRepo"
          ? `${start} wants access to be granted first, at ${settings.endpoint}/${repositoryPath(reference)}, ` +
            "and the token of who has it: set HF_TOKEN (401)"
          : `${start} has no such ${kindName(reference)}, or it is private: set HF_TOKEN (401)`,
      );
    case 403:
      return new Error(
        `${start} wants access to be granted first, at ${settings.endpoint}/${repositoryPath(reference)} (403)`,
      );
    case 404:
      return new Error(
        response.headers.get("x-error-code") === "RevisionNotFound"
          ? `${start} has no revision "${reference.revision}" of it (404)`
          : `${start} has no such ${kindName(reference)} (404)`,
      );
  }
  return new Error(`${start} answers ${status}`);
}

/** Mirrors that set no error code answer 404 for a missing file too. */
function isMissingEntry(response: Response): boolean {
  const code = response.headers.get("x-error-code");
  return code === "EntryNotFound" || code === null;
}
