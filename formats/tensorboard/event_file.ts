/**
 * TensorBoard's event files: records of protocol buffer messages, here of numbers over steps.
 *
 * A record is its length in 64 bits, the length's checksum, the message, and the message's checksum, little-endian. A
 * message is an `Event`: wall time (field 1, double), step (2), and one of the file's version (3), a `Summary` (5) or a
 * `SessionLog` (7).
 *
 * (TensorFlow, `core/util/event.proto`, `core/framework/summary.proto`, `core/lib/io/record_writer.cc`.)
 *
 * @module
 */

import { fileError, withSubject, writeAll } from "../base/files.ts";
import { bytesField, doubleField, floatField, integerField, message, textField } from "./protobuf.ts";
import { maskedCrc32c } from "./crc32c.ts";

/** An event file that is open for writing. */
export interface EventFile {
  readonly path: string;
  /**
   * Writes numbers of a step.
   *
   * @param step The step, from 0.
   * @param values Numbers by their names; those with the same beginning up to a `/` are shown together.
   * @throws {Error} If they cannot be written.
   */
  write(step: number, values: Readonly<Record<string, number>>): void;
  close(): void;
}

/**
 * Makes an event file.
 *
 * @param folder Where; TensorBoard reads all of a folder's event files as one run.
 * @param start The step from which on this file counts: what other files say of it and of later ones is passed over.
 * @returns The file; close it.
 * @throws {Error} If it cannot be made.
 */
export function createEventFile(folder: string, start: number): EventFile {
  const { path, file } = openNew(folder);

  function append(...fields: readonly Uint8Array[]): void {
    const bytes = record(message(doubleField(1, Date.now() / 1000), ...fields));
    withSubject(`Cannot write "${path}"`, () => writeAll(file, bytes));
  }

  append(textField(3, "brain.Event:2"));
  // SessionLog.status = START.
  append(integerField(2, start), bytesField(7, integerField(1, 1)));
  return {
    path,
    write(step, values) {
      const summary = Object.entries(values).map(([name, value]) =>
        bytesField(1, message(textField(1, name), floatField(2, value)))
      );
      append(integerField(2, step), bytesField(5, message(...summary)));
    },
    close: () => file.close(),
  };
}

/** Files are told apart, and put in order, by the second in which they were begun. */
function openNew(folder: string): { path: string; file: Deno.FsFile } {
  const second = Math.floor(Date.now() / 1000);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    for (let number = 0;; number++) {
      const path = `${folder}/events.out.tfevents.${second}.relabel.${number}`;
      try {
        return { path, file: Deno.openSync(path, { write: true, createNew: true }) };
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  } catch (error) {
    throw fileError(`Cannot write events to "${folder}"`, error);
  }
}

function record(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + 4 + content.length + 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(content.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(content, 12);
  view.setUint32(12 + content.length, maskedCrc32c(content), true);
  return bytes;
}
