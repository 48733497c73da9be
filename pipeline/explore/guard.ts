/**
 * Who may ask: the page itself, and whoever knows its address.
 *
 * The server listens on the loopback interface alone. What other pages in the same browser could try is refused by the
 * headers that a browser sets and a page cannot: `Host`, which a name that was bound anew to 127.0.0.1 gives away;
 * `Origin` and `Sec-Fetch-Site`, which say who asks. The token in the path, 128 random bits, keeps out other users of the
 * machine. No answer allows another origin to read it.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { RequestError } from "./request_error.ts";

/** Characters of an address; what is longer is no request of the page. */
const LONGEST_ADDRESS = 16384;

/** What every answer carries. */
export const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** A request that may be answered. */
export interface CheckedRequest {
  /** What follows the token and its slash; undefined if the slash is not there. */
  readonly path: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A token of 128 random bits, hexadecimal. */
export function createToken(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

/**
 * Checks where a request comes from, and reads its address.
 *
 * @param request The request.
 * @param port Port of the server.
 * @param token The token that the path must begin with.
 * @returns Its path and parameters.
 * @throws {RequestError} If it is not of the page, or its address is broken.
 */
export function checkRequest(request: Request, port: number, token: string): CheckedRequest {
  const { headers } = request;
  const host = headers.get("host");
  const hosts = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
  if (host === null || !hosts.includes(host)) throw new RequestError(403, "Refused: the address names another host");
  const origin = headers.get("origin");
  if (origin !== null && origin !== `http://${host}`) throw new RequestError(403, "Refused: another page asks");
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") {
    throw new RequestError(403, "Refused: another page asks");
  }
  if (request.url.length > LONGEST_ADDRESS) {
    throw new RequestError(400, `Cannot read the address: it has ${request.url.length} characters`);
  }
  const [address, query = ""] = request.url.split(/\?(.*)/s);
  const path = address.replace(/^[a-z]+:\/\/[^/]*/i, "");
  if (path !== `/${token}` && !path.startsWith(`/${token}/`)) {
    throw new RequestError(403, `Refused: the address needs the token that ${calledAs("explore")} printed`);
  }
  return { path: path === `/${token}` ? undefined : path.slice(token.length + 2), parameters: readParameters(query) };
}

function readParameters(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&").filter((part) => part !== "")) {
    const [name, value = ""] = part.split(/=(.*)/s).map(decode);
    if (parameters.has(name)) {
      throw new RequestError(400, `Cannot read the address: ${JSON.stringify(name)} is there twice`);
    }
    parameters.set(name, value);
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new RequestError(400, "Cannot read the address: its percent-encoding is broken");
  }
}
