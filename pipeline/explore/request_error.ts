/**
 * A request that is answered with a sentence and no result.
 *
 * @module
 */

/** What is wrong with a request. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  /**
   * @param status HTTP's status, 4xx.
   * @param message One sentence for the person at the page.
   * @param facts What a program may look at, beside `error` in the answer.
   */
  constructor(readonly status: number, message: string, readonly facts: Readonly<Record<string, boolean>> = {}) {
    super(message);
  }
}
