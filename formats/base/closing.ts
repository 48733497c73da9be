/**
 * Makes a resource one that its block closes: `using file = closing(openFile())`.
 *
 * @param resource What is open.
 * @returns The resource, which a block that declares it with `using` closes at its end.
 */
export function closing<Resource extends { close(): void }>(resource: Resource): Resource & Disposable {
  return Object.assign(resource, { [Symbol.dispose]: () => resource.close() });
}
