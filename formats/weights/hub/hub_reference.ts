/**
 * Names of models on the hub: `hf:owner/name[@revision]`.
 *
 * @module
 */

/** A model on the hub. */
export interface HubReference {
  /** The reference as it was written, for messages. */
  readonly text: string;
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const part = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * Tells a model on the hub from a local path.
 *
 * @param text What the user wrote.
 * @returns Whether it starts with `hf:`.
 */
export function isHubReference(text: string): boolean {
  return text.startsWith("hf:");
}

/**
 * Reads a reference.
 *
 * @param text `hf:owner/name` or `hf:owner/name@revision`; the revision defaults to `main`.
 * @returns Owner, name and revision.
 * @throws {TypeError} If it has another form. Its parts become paths, so `..` is refused.
 */
export function parseHubReference(text: string): HubReference {
  const at = text.indexOf("@");
  const repository = text.slice("hf:".length, at < 0 ? undefined : at);
  const revision = at < 0 ? "main" : text.slice(at + 1);
  const parts = [...repository.split("/"), ...revision.split("/")];
  if (
    !isHubReference(text) || repository.split("/").length !== 2 ||
    !parts.every((name) => part.test(name) && !name.includes(".."))
  ) {
    throw new TypeError(`Cannot read annotator "${text}": expected hf:owner/name or hf:owner/name@revision`);
  }
  return { text, repository, revision };
}
