/**
 * Failures that may pass, and how long to wait for that.
 *
 * @module
 */

/** What a failed request said. */
export interface FailedAnswer {
  readonly status?: number;
  /** Seconds after which to ask again. */
  readonly retryAfter?: number;
}

/** The hub does not answer: no network, or an error of its own that may pass. */
export class HubUnreachableError extends Error {
  override readonly name = "HubUnreachableError";
  /** What it answered, if it did. */
  readonly answer: FailedAnswer;

  constructor(message: string, { cause, ...answer }: FailedAnswer & ErrorOptions = {}) {
    super(message, { cause });
    this.answer = answer;
  }
}

/** Waits so many milliseconds. */
export type Wait = (milliseconds: number) => Promise<void>;

/** Waits for real. */
export const delay: Wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Failures in a row after which to give up; the pauses between double from one second. */
export const MAXIMUM_FAILURES = 5;

/** Seconds that a hub may ask to wait. */
const LONGEST_PAUSE = 60;

/**
 * Waits before a request is sent again.
 *
 * @param error The failure.
 * @param failures Failures in a row, this one included.
 * @param wait How to wait.
 * @throws {HubUnreachableError} The failure, if there were too many or the hub asks for too long a pause.
 */
export async function pauseAfter(error: HubUnreachableError, failures: number, wait: Wait): Promise<void> {
  const { status, retryAfter = 0 } = error.answer;
  if (retryAfter > LONGEST_PAUSE) {
    throw new HubUnreachableError(`${error.message} and asks to wait ${retryAfter} s`, { cause: error, status });
  }
  if (failures >= MAXIMUM_FAILURES) throw error;
  await wait(1000 * Math.max(retryAfter, 2 ** (failures - 1)));
}

/**
 * Sends a request until it succeeds.
 *
 * @param attempt Sends it.
 * @param options `wait`; `hasOther`: whether there is another way if there is no network, which is then not waited for.
 * @returns The result of the first attempt that succeeded.
 * @throws {HubUnreachableError} If it failed again and again.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { wait, hasOther }: { readonly wait: Wait; readonly hasOther: boolean },
): Promise<T> {
  for (let failures = 1;; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof HubUnreachableError)) throw error;
      if (hasOther && error.answer.status === undefined) throw error;
      await pauseAfter(error, failures, wait);
    }
  }
}

/**
 * The failure that an answer is, if it may pass.
 *
 * @param subject What the message calls who answered.
 * @param response Status and headers of the answer.
 * @returns The failure, with the pause that the answer asks for, undefined if it will not pass.
 */
export function passingFailure(
  subject: string,
  { status, headers }: Pick<Response, "status" | "headers">,
): HubUnreachableError | undefined {
  if (![408, 429].includes(status) && status < 500) return undefined;
  return new HubUnreachableError(`${subject} answers ${status}`, { status, retryAfter: pauseOf(headers) });
}

/**
 * The pause that an answer asks for: `Retry-After` is a number of seconds or a date.
 *
 * @param headers Headers of the answer.
 * @returns Seconds, undefined if it asks for none.
 */
export function pauseOf(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}

/**
 * The reason of a failed request, in a few words.
 *
 * @param error What was thrown.
 * @returns The reason.
 */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
