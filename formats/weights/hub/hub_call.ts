/**
 * Calls of the hub's interface: small questions and answers in JSON.
 *
 * @module
 */

import { showValue } from "../../base/show_value.ts";
import { type HubReference, kindName, repositoryPath } from "./hub_reference.ts";
import type { HubSettings } from "./hub_settings.ts";
import { HubUnreachableError, passingFailure, reasonOf } from "./retry.ts";

/** What is published, to where, and how. */
export interface HubTarget {
  readonly settings: HubSettings;
  /** The repository; its revision is the branch. */
  readonly reference: HubReference;
}

/** A question to the hub. */
export interface HubCall {
  readonly method: "GET" | "POST";
  /** An address, or a path under the hub's. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The hub's answer to one. */
export interface HubAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** How long the hub may take for an answer, milliseconds. */
const SILENCE = 60_000;

/** Characters of a reason that are shown. */
const LONGEST_REASON = 300;

/** How messages about a repository start. */
export function publishSubject({ reference }: HubTarget): string {
  return `Cannot publish to "${reference.text}"`;
}

/**
 * The path of a repository in the hub's interface.
 *
 * @param target The repository.
 * @returns The path, such as `/api/datasets/owner/name`.
 */
export function apiPath({ reference }: HubTarget): string {
  return `/api/${reference.kind}s/${reference.repository}`;
}

/**
 * Sends a call; the token goes to the hub's own origin alone.
 *
 * @param target The hub.
 * @param call What to send.
 * @returns The answer, whatever its status.
 * @throws {HubUnreachableError} If there is none.
 */
export async function callHub(
  { settings }: HubTarget,
  { method, url, headers, body }: HubCall,
): Promise<HubAnswer> {
  const address = new URL(url, `${settings.endpoint}/`);
  const controller = new AbortController();
  const silent = new HubUnreachableError(`no answer for ${SILENCE / 1000} s`);
  const timer = setTimeout(() => controller.abort(silent), SILENCE);
  const sent = new Headers(headers);
  if (settings.token && address.origin === new URL(settings.endpoint).origin) {
    sent.set("authorization", `Bearer ${settings.token}`);
  }
  try {
    const response = await fetch(address, {
      method,
      headers: sent,
      body,
      redirect: "manual",
      signal: controller.signal,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw new HubUnreachableError(reasonOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks the hub and reads the answer.
 *
 * @param target The hub.
 * @param call What to send.
 * @returns The answer's JSON; undefined if its status is among `accepted`.
 * @throws {HubUnreachableError} If it may pass.
 * @throws {Error} If the hub refuses, or its answer is not JSON.
 */
export async function askHub<Result>(
  target: HubTarget,
  call: HubCall,
  accepted: readonly number[] = [],
): Promise<Result | undefined> {
  const answer = await callHub(target, call);
  if (accepted.includes(answer.status)) return undefined;
  if (answer.status < 200 || answer.status >= 300) throw callRefusal(target, answer);
  try {
    return JSON.parse(answer.text);
  } catch {
    throw new Error(
      `${publishSubject(target)}: ${target.settings.endpoint} does not answer as a hub, it sends no JSON`,
    );
  }
}

/**
 * A call with JSON.
 *
 * @param url An address, or a path under the hub's.
 * @param value What is sent.
 * @returns The call.
 */
export function jsonCall(url: string, value: unknown): HubCall {
  return { method: "POST", url, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/**
 * Says why the hub refuses.
 *
 * @param target The hub.
 * @param answer The hub's answer.
 * @returns The error to throw; a {@linkcode HubUnreachableError} if it may pass.
 */
export function callRefusal(target: HubTarget, answer: HubAnswer): Error {
  const { settings, reference } = target;
  const { status, headers, text } = answer;
  const passing = passingFailure(settings.endpoint, answer);
  if (passing) return passing;
  const said = reasonIn(text) ?? headers.get("x-error-message") ?? undefined;
  // Nothing that a server says can bring the token to a terminal or a log.
  const shown = settings.token ? said?.replaceAll(settings.token, "***") : said;
  const start = `${publishSubject(target)}: ${settings.endpoint}`;
  const end = ` (${status}${shown ? `: ${shown.slice(0, LONGEST_REASON)}` : ""})`;
  switch (status) {
    case 401:
      return new Error(`${start} does not accept the token in ${settings.tokenSource ?? "HF_TOKEN"}${end}`);
    case 403:
      return new Error(
        `${start} does not let the token in ${settings.tokenSource ?? "HF_TOKEN"} write there, it needs the role ` +
          `"write" and the rights of ${showValue(reference.repository.split("/")[0])}${end}`,
      );
    case 404:
      return new Error(`${start} has no such ${kindName(reference)} or revision, or hides it from the token${end}`);
    case 412:
      return new Error(`${start} says that somebody else wrote there meanwhile, start again${end}`);
  }
  return new Error(`${start} answers ${end.slice(2, -1)}`);
}

/** What a refusal in JSON says. */
function reasonIn(text: string): string | undefined {
  try {
    const { error, message } = JSON.parse(text);
    return [error, message].find((reason) => typeof reason === "string");
  } catch {
    return undefined;
  }
}

/** The address of a repository's page. */
export function pageOf({ settings, reference }: HubTarget): string {
  return `${settings.endpoint}/${repositoryPath(reference)}`;
}
