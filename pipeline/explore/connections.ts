/**
 * Connections to a database: one for each question, all of which can be ended together.
 *
 * @module
 */

import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { interruptOn, type LabelDatabase } from "../query/database.ts";

/** Connections to a database. */
export interface Connections {
  /** Says that they are being ended. */
  readonly closing: AbortSignal;
  /** Runs something with a connection of its own, and closes that. */
  use<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result>;
  /**
   * The first column of a query's result, some rows at a time.
   *
   * @param sql The query.
   * @param signal Interrupts it; its reason is thrown.
   * @param refusalOf What is thrown in place of an error of the query.
   */
  stream<Value>(sql: string, signal: AbortSignal, refusalOf: (error: unknown) => unknown): AsyncIterable<Value[]>;
  /** The first value of a query's result, undefined if it has no row; `value` is its parameter. */
  ask(sql: string, value: DuckDBValue, type: DuckDBType): Promise<unknown>;
  /** Interrupts what is running. */
  interrupt(): void;
  /** Settled when all of them are closed. */
  ended(): Promise<unknown>;
}

/**
 * Prepares to connect to a database.
 *
 * @param database The database, which is to stay open.
 * @returns The connections, none yet.
 */
export function connectionsTo(database: LabelDatabase): Connections {
  const running = new Set<Promise<void>>();
  const closing = new AbortController();

  /** A new connection, which closes with its owner. */
  async function connect(owner: DisposableStack): Promise<DuckDBConnection> {
    const connection = await database.connect();
    const { promise, resolve } = Promise.withResolvers<void>();
    running.add(promise);
    owner.defer(resolve);
    owner.defer(() => running.delete(promise));
    owner.defer(() => connection.closeSync());
    owner.defer(interruptOn(closing.signal, connection));
    return connection;
  }

  async function use<Result>(work: (connection: DuckDBConnection) => Promise<Result>): Promise<Result> {
    using opened = new DisposableStack();
    return await work(await connect(opened));
  }

  return {
    closing: closing.signal,
    use,
    async *stream<Value>(sql: string, signal: AbortSignal, refusalOf: (error: unknown) => unknown) {
      using opened = new DisposableStack();
      const connection = await connect(opened);
      opened.defer(interruptOn(signal, connection));
      try {
        signal.throwIfAborted();
        const result = await connection.stream(sql);
        for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
          signal.throwIfAborted();
          yield chunk.getColumnValues(0) as Value[];
        }
      } catch (error) {
        signal.throwIfAborted();
        throw refusalOf(error);
      }
    },
    ask: (sql, value, type) =>
      use(async (connection) => (await connection.runAndReadAll(sql, [value], [type])).getRows()[0]?.[0]),
    interrupt: () => closing.abort(),
    ended: () => Promise.all(running),
  };
}
