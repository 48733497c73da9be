/**
 * Names on the hub: of models `hf:owner/name[@revision]`, of data sets `hf:datasets/owner/name[@revision]`.
 *
 * @module
 */

/** A model or a data set on the hub. */
export interface HubReference {
  /** The reference as it was written, for messages. */
  readonly text: string;
  readonly kind: "model" | "dataset";
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const part = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** What the name of a data set begins with. */
const DATASETS = "hf:datasets/";

/**
 * Tells what is on the hub from a local path.
 *
 * @param text What the user wrote.
 * @returns Whether it starts with `hf:`.
 */
export function isHubReference(text: string): boolean {
  return text.startsWith("hf:");
}

/**
 * Reads the name of a model.
 *
 * @param text `hf:owner/name` or `hf:owner/name@revision`; the revision defaults to `main`.
 * @returns Owner, name and revision.
 * @throws {TypeError} If it has another form. Its parts become paths, so `..` is refused.
 */
export function parseHubReference(text: string): HubReference {
  const found = parse(text, "hf:");
  if (found) return { text, kind: "model", ...found };
  throw new TypeError(`Cannot read annotator "${text}": expected hf:owner/name or hf:owner/name@revision`);
}

/**
 * Reads the name of a data set.
 *
 * @param text `hf:datasets/owner/name`, where the word may be left out, with `@revision` behind it or `main` meant.
 * @returns Owner, name and revision.
 * @throws {TypeError} If it has another form. Its parts become paths, so `..` is refused.
 */
export function parseDataSetReference(text: string): HubReference {
  const found = parse(text, text.startsWith(DATASETS) ? DATASETS : "hf:");
  if (found) return { text, kind: "dataset", ...found };
  throw new TypeError(
    `Cannot read data set "${text}": expected hf:datasets/owner/name or hf:datasets/owner/name@revision`,
  );
}

function parse(text: string, prefix: string): Pick<HubReference, "repository" | "revision"> | undefined {
  const at = text.indexOf("@");
  const repository = text.slice(prefix.length, at < 0 ? undefined : at);
  const revision = at < 0 ? "main" : text.slice(at + 1);
  const parts = [...repository.split("/"), ...revision.split("/")];
  const isOne = text.startsWith(prefix) && repository.split("/").length === 2 &&
    parts.every((name) => part.test(name) && !name.includes(".."));
  return isOne ? { repository, revision } : undefined;
}

/**
 * The path of a repository under the hub's address.
 *
 * @param reference What it is of.
 * @returns The path, such as `owner/name` or `datasets/owner/name`.
 */
export function repositoryPath({ kind, repository }: HubReference): string {
  return kind === "dataset" ? `datasets/${repository}` : repository;
}

/** What messages call a repository. */
export function kindName({ kind }: HubReference): string {
  return kind === "dataset" ? "data set" : "model";
}
