/**
 * Files into a repository of the hub, as one commit.
 *
 * The hub says of each file whether it is a small one, which goes into the commit, or belongs into large file storage,
 * to which it is sent first. What is there already, by its SHA-256, is not sent again: an upload that was killed goes on
 * with the files that it had not finished.
 *
 * Source: `_commit_api.py` and `lfs.py` of huggingface_hub 2.x; its basic and multipart transfers.
 *
 * @module
 * @see https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
 */

import { bytesOfPieces, type PiecedFile, readPieces, sha256OfPieces } from "../../base/pieced_file.ts";
import { startHash } from "./blob_hash.ts";
import {
  apiPath,
  askHub,
  callHub,
  callRefusal,
  type HubCall,
  type HubTarget,
  jsonCall,
  pageOf,
  publishSubject,
} from "./hub_call.ts";
import { repositoryPath } from "./hub_reference.ts";
import { putContent } from "./put_content.ts";
import { delay, HubUnreachableError, type Wait, withRetries } from "./retry.ts";
import type { DownloadProgress } from "./transfer.ts";

/** How files are uploaded. */
export interface UploadOptions {
  /** Whether the repository is for those alone who may see it, if it is made. */
  readonly isPrivate?: boolean;
  /** What the commit says. */
  readonly summary: string;
  /** Whether a file that is there and is not uploaded goes. */
  readonly isStale?: (path: string) => boolean;
  /** Called as bytes are sent, and once for each file that need not be. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Waits between attempts; default for real. */
  readonly wait?: Wait;
  readonly signal?: AbortSignal;
}

/** What became of an upload. */
export interface Uploaded {
  /** The commit that the branch is at. */
  readonly commit: string;
  /** Address of the repository's page. */
  readonly page: string;
  /** Files whose contents were sent, and their bytes. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Whether all was there already. */
  readonly isUnchanged: boolean;
}

/** Files that the hub is asked about at once. */
const ASKED_TOGETHER = 256;
/** Bytes of a file by which the hub guesses what it is. */
const SAMPLE = 512;

const LFS_JSON = "application/vnd.git-lfs+json";

/** A file, and what the hub says of it. */
interface Addition {
  readonly file: PiecedFile;
  readonly isLarge: boolean;
  /** The file's SHA-256, or git's hash of it if it is small. */
  readonly hash: string;
  /** The hash of what is there under that name. */
  readonly remote?: string;
}

/**
 * Uploads files.
 *
 * @param target The repository, which is made if it is not there, and the branch.
 * @param files The files.
 * @param options What the commit says, and whom to tell.
 * @returns The commit.
 * @throws {HubUnreachableError} If the connection fails again and again; what has arrived is not sent again.
 * @throws {Error} If there is no token, the hub refuses, the repository is public and should not be, a file cannot be read
 *   or changes while it is sent, or the signal is aborted.
 */
export async function uploadToHub(
  target: HubTarget,
  files: readonly PiecedFile[],
  options: UploadOptions,
): Promise<Uploaded> {
  const { settings } = target;
  const subject = publishSubject(target);
  checkTarget(target);
  try {
    return await upload(target, files, options);
  } catch (error) {
    if (!(error instanceof HubUnreachableError)) throw error;
    throw new Error(
      `${subject}: ${settings.endpoint} cannot be reached (${error.message}); what has arrived is kept for the next time`,
      { cause: error },
    );
  }
}

/**
 * Refuses to publish where nothing could be sent.
 *
 * @param target The repository.
 * @throws {Error} If there is no token, or the network is not to be used.
 */
export function checkTarget(target: HubTarget): void {
  const subject = publishSubject(target);
  if (target.settings.offline) throw new Error(`${subject}: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set`);
  if (target.settings.token !== undefined) return;
  throw new Error(`${subject}: there is no token, set HF_TOKEN to one with the role "write", or use hf auth login`);
}

async function upload(target: HubTarget, files: readonly PiecedFile[], options: UploadOptions): Promise<Uploaded> {
  const { signal, onProgress = () => {}, isStale = () => false, wait = delay } = options;
  const again = <Result>(attempt: () => Promise<Result>): Promise<Result> => {
    signal?.throwIfAborted();
    return withRetries(attempt, { wait, hasOther: false });
  };
  await again(() => makeRepository(target, options));
  const before = await again(() => branchOf(target));
  const additions: Addition[] = [];
  for (let start = 0; start < files.length; start += ASKED_TOGETHER) {
    additions.push(...await again(() => describeAdditions(target, files.slice(start, start + ASKED_TOGETHER))));
  }
  const changed = additions.filter(({ hash, remote }) => hash !== remote);
  const kept = new Set(files.map(({ name }) => name));
  const stale = before.files.filter((path) => !kept.has(path) && isStale(path));
  for (const { file } of additions.filter((addition) => !changed.includes(addition))) {
    onProgress({ file: file.name, received: file.size, total: file.size });
  }
  const page = pageOf(target);
  if (changed.length === 0 && stale.length === 0) {
    return { commit: before.commit, page, sent: 0, sentBytes: 0, isUnchanged: true };
  }
  const sent: Addition[] = [];
  for (const addition of changed.filter(({ isLarge }) => isLarge)) {
    if (await again(() => sendLarge(target, addition, { onProgress, signal }))) sent.push(addition);
  }
  const small = changed.filter(({ isLarge }) => !isLarge);
  const lines = await commitLines(changed, stale, { summary: options.summary, parent: before.commit });
  signal?.throwIfAborted();
  // A commit whose answer is lost may have been made: starting again finds out.
  const answer = await withRetries(
    () =>
      askHub<{ commitOid?: unknown }>(target, {
        method: "POST",
        url: `${apiPath(target)}/commit/${revisionOf(target)}`,
        headers: { "content-type": "application/x-ndjson" },
        body: lines,
      }),
    { wait, hasOther: true },
  );
  const commit = answer?.commitOid;
  if (typeof commit !== "string") throw wrongAnswer(target, "a commit");
  for (const { file } of small) onProgress({ file: file.name, received: file.size, total: file.size });
  const all = [...sent, ...small];
  const sentBytes = all.reduce((bytes, { file }) => bytes + file.size, 0);
  return { commit, page, sent: all.length, sentBytes, isUnchanged: false };
}

function revisionOf({ reference }: HubTarget): string {
  return encodeURIComponent(reference.revision);
}

function wrongAnswer(target: HubTarget, expected: string): Error {
  return new Error(
    `${publishSubject(target)}: ${target.settings.endpoint} does not answer as a hub, expected ${expected}`,
  );
}

/** Makes the repository and its branch, where they are not there. */
async function makeRepository(target: HubTarget, { isPrivate = false }: UploadOptions): Promise<void> {
  const { reference: { kind, repository, revision } } = target;
  const found = await askHub<{ private?: unknown }>(target, { method: "GET", url: apiPath(target) }, [404]);
  if (found && isPrivate && found.private === false) {
    throw new Error(`${publishSubject(target)}: it is there and public, make it private at ${pageOf(target)}/settings`);
  }
  if (!found) {
    const [organization, name] = repository.split("/");
    // 409: another process was first.
    await askHub(
      target,
      jsonCall("/api/repos/create", {
        name,
        organization,
        type: kind,
        visibility: isPrivate ? "private" : "public",
        private: isPrivate,
      }),
      [409],
    );
  }
  if (revision === "main") return;
  const branch = await askHub(target, { method: "GET", url: `${apiPath(target)}/revision/${revisionOf(target)}` }, [
    404,
  ]);
  if (branch) return;
  const made = await callHub(target, jsonCall(`${apiPath(target)}/branch/${revisionOf(target)}`, {}));
  if (![200, 201, 409].includes(made.status)) throw callRefusal(target, made);
}

/** The commit and the files of the branch. */
async function branchOf(target: HubTarget): Promise<{ commit: string; files: string[] }> {
  const url = `${apiPath(target)}/revision/${revisionOf(target)}`;
  const found = await askHub<{ sha?: unknown; siblings?: unknown }>(target, { method: "GET", url });
  if (typeof found?.sha !== "string" || !Array.isArray(found.siblings)) throw wrongAnswer(target, "sha and siblings");
  return { commit: found.sha, files: found.siblings.map(({ rfilename }) => String(rfilename)) };
}

/** Asks how files are to be sent, and what is there under their names. */
async function describeAdditions(target: HubTarget, files: readonly PiecedFile[]): Promise<Addition[]> {
  const asked = await Promise.all(files.map(async (file) => ({
    path: file.name,
    sample: (await bytesOfPieces(file, SAMPLE)).toBase64(),
    size: file.size,
  })));
  const answer = await askHub<{ files?: unknown }>(
    target,
    jsonCall(`${apiPath(target)}/preupload/${revisionOf(target)}`, { files: asked }),
  );
  if (!Array.isArray(answer?.files)) throw wrongAnswer(target, "a list of files");
  const said = new Map(answer.files.map((file) => [file.path, file]));
  const additions: Addition[] = [];
  for (const file of files) {
    const { uploadMode, shouldIgnore, oid } = said.get(file.name) ?? {};
    if (uploadMode !== "lfs" && uploadMode !== "regular") throw wrongAnswer(target, `how to send ${file.name}`);
    if (shouldIgnore) {
      throw new Error(`${publishSubject(target)}: its .gitignore leaves out "${file.name}"`);
    }
    // Empty files cannot be large ones.
    const isLarge = uploadMode === "lfs" && file.size > 0;
    const hash = isLarge ? await sha256OfPieces(file) : await gitHashOf(file);
    additions.push({ file, isLarge, hash, ...(typeof oid === "string" ? { remote: oid } : {}) });
  }
  return additions;
}

async function gitHashOf(file: PiecedFile): Promise<string> {
  const hash = startHash("", file.size);
  for await (const block of readPieces(file)) hash.update(block);
  return hash.digest("hex");
}

/** A call with JSON to the storage of large files. */
function storageCall(url: string, value: unknown): HubCall {
  return { ...jsonCall(url, value), headers: { accept: LFS_JSON, "content-type": LFS_JSON } };
}

/** Where a large file is to be sent. */
interface Action {
  readonly href: string;
  readonly header?: Readonly<Record<string, unknown>>;
}

/**
 * Sends a large file to where the hub says, unless it has it. The addresses are good for some time alone: they are asked
 * for each time.
 */
async function sendLarge(
  target: HubTarget,
  { file, hash }: Addition,
  { onProgress, signal }: Required<Pick<UploadOptions, "onProgress">> & Pick<UploadOptions, "signal">,
): Promise<boolean> {
  const object = { oid: hash, size: file.size };
  const { upload, verify } = await actionsFor(target, object);
  const done = () => onProgress({ file: file.name, received: file.size, total: file.size });
  if (!upload) {
    done();
    return false;
  }
  const chunk = upload.header?.chunk_size;
  const send = (url: string, start: number, end: number) =>
    putStretch(target, url, file, { start, end, onProgress, signal });
  if (chunk === undefined) await send(upload.href, 0, file.size);
  else {
    const size = Number(chunk);
    const urls = Object.entries(upload.header!).filter(([name]) => /^\d+$/.test(name))
      .sort(([a], [b]) => Number(a) - Number(b)).map(([, url]) => String(url));
    if (!Number.isSafeInteger(size) || size < 1 || urls.length !== Math.ceil(file.size / size)) {
      throw wrongAnswer(target, `an address for each ${size} bytes of ${file.name}`);
    }
    const parts: { partNumber: number; etag: string }[] = [];
    for (const [index, url] of urls.entries()) {
      const etag = await send(url, index * size, Math.min((index + 1) * size, file.size));
      if (!etag) throw wrongAnswer(target, `an ETag of part ${index + 1} of ${file.name}`);
      parts.push({ partNumber: index + 1, etag });
    }
    await finished(target, upload.href, { oid: hash, parts });
  }
  if (verify) await finished(target, verify.href, object);
  done();
  return true;
}

async function actionsFor(
  target: HubTarget,
  object: { readonly oid: string; readonly size: number },
): Promise<{ readonly upload?: Action; readonly verify?: Action }> {
  const url = `/${repositoryPath(target.reference)}.git/info/lfs/objects/batch`;
  const answer = await askHub<{ objects?: unknown }>(
    target,
    storageCall(url, {
      operation: "upload",
      transfers: ["basic", "multipart"],
      objects: [object],
      hash_algo: "sha256",
      ref: { name: target.reference.revision },
    }),
  );
  const found = Array.isArray(answer?.objects) ? answer.objects[0] : undefined;
  if (found?.oid !== object.oid) throw wrongAnswer(target, "the object that was asked for");
  if (found.error) {
    const { code, message } = found.error;
    throw new Error(`${publishSubject(target)}: large file storage refuses it (${code}: ${message})`);
  }
  const { upload, verify } = found.actions ?? {};
  for (const action of [upload, verify]) {
    if (action && !URL.canParse(action.href, target.settings.endpoint)) throw wrongAnswer(target, "an address");
  }
  return { upload, verify };
}

/** Sends some bytes of a file; what storage answers is the ETag. */
async function putStretch(
  { settings }: HubTarget,
  url: string,
  file: PiecedFile,
  { start, end, onProgress, signal }: {
    readonly start: number;
    readonly end: number;
    readonly onProgress: (progress: DownloadProgress) => void;
    readonly signal?: AbortSignal;
  },
): Promise<string | undefined> {
  async function* blocks() {
    let received = start;
    for await (const block of readPieces(file, start, end)) {
      signal?.throwIfAborted();
      yield block;
      received += block.length;
      onProgress({ file: file.name, received, total: file.size });
    }
  }
  const address = new URL(url, settings.endpoint);
  const { status, etag } = await putContent(address, end - start, blocks());
  if (status >= 200 && status < 300) return etag;
  // An address is good for some minutes; the hub gives a new one.
  throw new HubUnreachableError(`${address.host} answers ${status}`, { status });
}

async function finished(target: HubTarget, url: string, value: unknown): Promise<void> {
  const answer = await callHub(target, storageCall(url, value));
  if (answer.status < 200 || answer.status >= 300) throw callRefusal(target, answer);
}

/** The commit: a line for what it says, and one for each file that it adds or removes. */
async function commitLines(
  additions: readonly Addition[],
  stale: readonly string[],
  { summary, parent }: { readonly summary: string; readonly parent: string },
): Promise<string> {
  const lines: unknown[] = [{ key: "header", value: { summary, description: "", parentCommit: parent } }];
  for (const { file, isLarge, hash } of additions) {
    const { name: path, size } = file;
    if (isLarge) lines.push({ key: "lfsFile", value: { path, algo: "sha256", oid: hash, size } });
    else {
      const content = (await bytesOfPieces(file)).toBase64();
      lines.push({ key: "file", value: { content, path, encoding: "base64" } });
    }
  }
  for (const path of stale) lines.push({ key: "deletedFile", value: { path } });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
