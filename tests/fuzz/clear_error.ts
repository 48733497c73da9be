/**
 * What a clear error is: one sentence of this project that names the file and what was found, and not an engine's remark
 * that somebody passed on.
 *
 * @module
 */

/**
 * What engines and libraries say when they are given what they cannot bear, in any part of a message. That a value holds NaN
 * is found by a reader.
 */
const REMARKS =
  /Invalid (typed )?array|Array buffer allocation|out of memory|[Oo]ffset is out|outside the bounds|out of bounds|start offset of|byte length of|Cannot (read|set) propert|is not (a function|iterable|a constructor)|undefined|(?<!holds )\bNaN\b|(?<!holds -?)\bInfinity|\[object |Maximum call stack|Cannot (mix|convert) |BigInt|Invalid (string length|count value|code point|time value|Date)|is not defined|circular structure|reduce of empty|not extensible|read-?only property|decoded data was not valid|must be (of type|an instance)|out of range\. It must|not within range/;

/**
 * Finds what is wrong with an error.
 *
 * @param error What a reader threw.
 * @param path The file or folder that its message has to name.
 * @returns A phrase, or undefined if the error is clear.
 */
export function unclearness(error: unknown, path: string): string | undefined {
  if (!(error instanceof Error)) return "it is no Error";
  const isKnownClass = [TypeError, RangeError].some((Kind) => error.constructor === Kind) ||
    Object.values(Deno.errors).some((Kind) => error.constructor === Kind);
  if (!isKnownClass) return `it is a ${error.constructor.name}`;
  const { message } = error;
  if (!/^Cannot [a-z]/.test(message)) return 'its message does not start with "Cannot" and what was being done';
  if (!message.includes(`"${path}`)) return "its message does not name the file";
  if (/[\n\r]/.test(message)) return "its message has several lines";
  if (/(?<!\.\.)[.!]$/.test(message)) return "its message ends with a full stop";
  if (message.length > 600) return `its message has ${message.length} characters`;
  const remark = REMARKS.exec(message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'));
  if (remark) return `its message passes on "${remark[0]}"`;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const remark = cause instanceof SyntaxError ? null : REMARKS.exec(cause.message);
    if (remark) return `its cause is ${cause.name}: ${cause.message}`;
  }
}
