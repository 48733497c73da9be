/**
 * Contents that are sent to storage: of a length that is told before, and without a token, since the address is the key.
 *
 * Deno's `fetch` sends a stream in chunks, without its length, which storage refuses; Node's client does as it is told.
 *
 * @module
 */

import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HubUnreachableError, reasonOf } from "./retry.ts";

/** How long storage may take nothing and say nothing, milliseconds. */
const SILENCE = 60_000;

/** The answer of storage. */
export interface PutAnswer {
  readonly status: number;
  readonly etag?: string;
}

/**
 * Sends a content.
 *
 * @param address The address to send it to.
 * @param length Bytes of the content.
 * @param blocks The content; an error of it is thrown as it is.
 * @returns The answer, whatever its status.
 * @throws {HubUnreachableError} If there is none.
 */
export async function putContent(
  address: URL,
  length: number,
  blocks: AsyncIterable<Uint8Array>,
): Promise<PutAnswer> {
  const send = address.protocol === "https:" ? httpsRequest : httpRequest;
  const sending = send(address, { method: "PUT", headers: { "content-length": String(length) } });
  sending.setTimeout(SILENCE, () => sending.destroy(new Error(`no answer for ${SILENCE / 1000} s`)));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sending.on("response", resolve);
    sending.on("error", reject);
  });
  let failure: { readonly error: unknown } | undefined;
  async function* watched() {
    try {
      yield* blocks;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    // An answer may come before all is sent: then what the sending ends with is no matter.
    const sent = pipeline(Readable.from(watched()), sending);
    const answer = await Promise.race([answered, sent.then(() => answered)]);
    const { statusCode: status = 0, headers: { etag } } = answer;
    if (sending.writableFinished) answer.resume();
    else sending.destroy();
    return { status, ...(etag === undefined ? {} : { etag }) };
  } catch (error) {
    sending.destroy();
    answered.catch(() => {});
    if (failure) throw failure.error;
    throw new HubUnreachableError(reasonOf(error), { cause: error });
  }
}
