/**
 * A hub that repositories are written to and read from, on the loopback interface: its interface as huggingface_hub speaks
 * it, and large file storage on another port, which checks what it is sent.
 *
 * @module
 */

import { gitHash, sha256 } from "./fake_hub.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A repository. */
export interface FakeRepository {
  private: boolean;
  /** Files of each commit of each branch, the newest commit last. */
  readonly branches: Map<
    string,
    { readonly id: string; readonly summary: string; readonly files: Map<string, Bytes> }[]
  >;
}

/** The hub. */
export interface FakeRepositories extends AsyncDisposable {
  readonly endpoint: string;
  /** Repositories by their paths, such as `datasets/owner/name`. */
  readonly repositories: Map<string, FakeRepository>;
  /** Large contents by SHA-256. */
  readonly storage: Map<string, Bytes>;
  /** Requests that were seen: method, path and range; those to storage begin with `storage`. */
  readonly requests: string[];
  /** Whether a request brought the token. */
  readonly withToken: boolean[];
  /** Bytes of a part from which on files are sent in parts. */
  chunk?: number;
  /** Called before a request is answered; an answer is given in place of the hub's own. */
  intercept?: (request: Request, server: "hub" | "storage") => Response | undefined | Promise<Response | undefined>;
}

/** The token of who may write. */
export const TOKEN = "hf_secret";

const json = (value: unknown, status = 200) => Response.json(value, { status });

/** Starts the hub, empty. */
export function startFakeRepositories(): FakeRepositories {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  let commits = 0;
  const parts = new Map<string, Bytes>();
  const see = (prefix: string, request: Request) => {
    const range = request.headers.get("range");
    hub.requests.push(
      [prefix + request.method, new URL(request.url).pathname, ...(range ? [range] : [])].join(" "),
    );
    hub.withToken.push(request.headers.get("authorization") === `Bearer ${TOKEN}`);
  };

  const storage = Deno.serve(options, async (request) => {
    see("storage ", request);
    const instead = await hub.intercept?.(request, "storage");
    if (instead) return instead;
    const { pathname } = new URL(request.url);
    const [, oid, part] = pathname.split("/");
    if (request.method === "GET") return ranged(hub.storage.get(oid)!, request);
    const bytes = new Uint8Array(await request.arrayBuffer());
    // S3 takes no content of a length that it is not told.
    if (request.headers.get("content-length") !== String(bytes.length)) return new Response(null, { status: 411 });
    if (part === undefined) {
      if (sha256(bytes) !== oid) return new Response(null, { status: 400 });
      hub.storage.set(oid, bytes);
    } else parts.set(`${oid}/${part}`, bytes);
    return new Response(null, { headers: { etag: `"${sha256(bytes).slice(0, 8)}"` } });
  });
  const storageUrl = `http://127.0.0.1:${storage.addr.port}`;

  /** Adds a commit. */
  function commit(repository: FakeRepository, branch: string, summary: string, files: Map<string, Bytes>): string {
    const id = (++commits).toString(16).padStart(40, "c");
    repository.branches.set(branch, [...repository.branches.get(branch) ?? [], { id, summary, files }]);
    return id;
  }

  function found(path: string, revision: string) {
    const repository = hub.repositories.get(path);
    const ofBranch = repository?.branches.get(revision)?.at(-1);
    return ofBranch ?? [...repository?.branches.values() ?? []].flat().find(({ id }) => id === revision);
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/repos/create") {
      const { name, organization, type, private: isPrivate } = await request.json();
      const path = `${type === "dataset" ? "datasets/" : ""}${organization}/${name}`;
      if (hub.repositories.has(path)) return json({ error: "You already created this repo" }, 409);
      const repository: FakeRepository = { private: isPrivate, branches: new Map() };
      hub.repositories.set(path, repository);
      commit(repository, "main", "initial commit", new Map([[".gitattributes", new Uint8Array(3)]]));
      return json({ url: path });
    }
    const batch = /^\/(.*)\.git\/info\/lfs\/objects\/batch$/.exec(pathname);
    if (batch) return await lfsBatch(request, hub.repositories.has(batch[1]));
    const complete = /^\/complete\/(\w+)$/.exec(pathname);
    if (complete) return await completeParts(request, complete[1]);
    const verify = /^\/verify$/.exec(pathname);
    if (verify) {
      const { oid, size } = await request.json();
      return hub.storage.get(oid)?.length === size ? json({}) : json({ error: "not there" }, 404);
    }
    const resolve = /^\/((?:datasets\/)?[^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
    if (resolve) return resolved(request, resolve[1], decodeURIComponent(resolve[2]), resolve[3]);
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)(?:\/(\w+)\/([^/]+))?$/.exec(pathname);
    if (!api) return json({ error: `what is ${pathname}?` }, 400);
    const [, kind, name, action, revision = "main"] = api;
    return await repositoryCall(
      request,
      kind === "datasets" ? `datasets/${name}` : name,
      action,
      decodeURIComponent(revision),
    );
  }

  async function repositoryCall(request: Request, path: string, action: string | undefined, revision: string) {
    const repository = hub.repositories.get(path);
    if (!repository) return json({ error: "Repository not found" }, 404);
    if (action === undefined) return json({ id: path, private: repository.private });
    if (action === "branch") {
      repository.branches.set(revision, [found(path, "main")!]);
      return json({}, 201);
    }
    const now = found(path, revision);
    if (!now) return json({ error: `Invalid rev id: ${revision}` }, 404);
    if (action === "revision") {
      return json({
        sha: now.id,
        siblings: [...now.files].map(([rfilename, { length: size }]) => ({ rfilename, size })),
      });
    }
    if (action === "preupload") {
      const { files } = await request.json();
      return json({
        files: files.map(({ path, size }: { path: string; size: number }) => {
          const isLarge = /\.(parquet|safetensors)$/.test(path) || size > 10_000_000;
          const bytes = now.files.get(path);
          const oid = bytes && (isLarge && bytes.length > 0 ? sha256(bytes) : gitHash(bytes));
          return { path, uploadMode: isLarge ? "lfs" : "regular", shouldIgnore: false, ...(oid ? { oid } : {}) };
        }),
      });
    }
    if (action !== "commit") return json({ error: action }, 400);
    const [header, ...operations] = (await request.text()).trim().split("\n").map((line) => JSON.parse(line));
    if (header.value.parentCommit !== now.id) return json({ error: "the branch has moved" }, 412);
    const files = new Map(now.files);
    for (const { key, value } of operations) {
      if (key === "file") files.set(value.path, Uint8Array.fromBase64(value.content));
      else if (key === "deletedFile") files.delete(value.path);
      else if (key === "lfsFile") {
        const bytes = hub.storage.get(value.oid);
        if (bytes?.length !== value.size) return json({ error: `${value.path} was not uploaded` }, 400);
        files.set(value.path, bytes!);
      } else return json({ error: key }, 400);
    }
    return json({ success: true, commitOid: commit(repository, revision, header.value.summary, files) });
  }

  async function lfsBatch(request: Request, isThere: boolean): Promise<Response> {
    const { objects, operation, hash_algo } = await request.json();
    if (!isThere || operation !== "upload" || hash_algo !== "sha256") return json({ error: "batch" }, 404);
    return json({
      transfer: "basic",
      objects: objects.map(({ oid, size }: { oid: string; size: number }) => {
        if (hub.storage.has(oid)) return { oid, size };
        const verify = { href: `${hub.endpoint}/verify` };
        if (hub.chunk === undefined || size <= hub.chunk) {
          return { oid, size, actions: { upload: { href: `${storageUrl}/${oid}` }, verify } };
        }
        const urls = Array.from({ length: Math.ceil(size / hub.chunk) }, (_, index) => [
          String(index + 1).padStart(5, "0"),
          `${storageUrl}/${oid}/${index + 1}`,
        ]);
        const header = { chunk_size: String(hub.chunk), ...Object.fromEntries(urls) };
        return { oid, size, actions: { upload: { href: `${hub.endpoint}/complete/${oid}`, header }, verify } };
      }),
    });
  }

  async function completeParts(request: Request, oid: string): Promise<Response> {
    const { parts: listed } = await request.json() as { parts: { partNumber: number; etag: string }[] };
    const found = listed.map(({ partNumber }) => parts.get(`${oid}/${partNumber}`)!);
    const wrong = listed.find(({ etag }, index) => etag !== `"${sha256(found[index]).slice(0, 8)}"`);
    const bytes = new Uint8Array(await new Blob(found).arrayBuffer());
    if (wrong || sha256(bytes) !== oid) return json({ error: "the parts are not the file" }, 400);
    hub.storage.set(oid, bytes);
    return json({});
  }

  function resolved(request: Request, path: string, revision: string, name: string): Response {
    const at = found(path, revision);
    if (!at) {
      const code = hub.repositories.has(path) ? "RevisionNotFound" : "RepoNotFound";
      return new Response(null, { status: 404, headers: { "x-error-code": code } });
    }
    const bytes = at.files.get(name);
    if (!bytes) return new Response(null, { status: 404, headers: { "x-error-code": "EntryNotFound" } });
    const headers = new Headers({ "x-repo-commit": at.id });
    if (hub.storage.has(sha256(bytes))) {
      headers.set("x-linked-etag", `"${sha256(bytes)}"`);
      headers.set("x-linked-size", String(bytes.length));
      headers.set("location", `${storageUrl}/${sha256(bytes)}`);
      return new Response(null, { status: 302, headers });
    }
    headers.set("etag", `"${gitHash(bytes)}"`);
    headers.set("content-length", String(bytes.length));
    return new Response(request.method === "HEAD" ? null : bytes, { headers });
  }

  const main = Deno.serve(options, async (request) => {
    see("", request);
    const instead = await hub.intercept?.(request, "hub");
    if (instead) return instead;
    const token = request.headers.get("authorization");
    const repository = [...hub.repositories].find(([path]) => new URL(request.url).pathname.includes(path))?.[1];
    if (token !== null && token !== `Bearer ${TOKEN}`) return json({ error: "Invalid username or password." }, 401);
    if (token === null && (repository?.private || request.method === "POST" && !/complete/.test(request.url))) {
      return json({ error: "Repository not found" }, 401);
    }
    return await answer(request);
  });

  const hub: FakeRepositories = {
    endpoint: `http://127.0.0.1:${main.addr.port}`,
    repositories: new Map(),
    storage: new Map(),
    requests: [],
    withToken: [],
    async [Symbol.asyncDispose]() {
      await Promise.all([main.shutdown(), storage.shutdown()]);
    },
  };
  return hub;
}

/** Puts a repository there, with one commit of its only branch. */
export function addRepository(hub: FakeRepositories, path: string, files: ReadonlyMap<string, Bytes>, commit: string) {
  const large = [...files].filter(([name]) => /\.(parquet|safetensors)$/.test(name));
  for (const [, bytes] of large) hub.storage.set(sha256(bytes), bytes);
  const commits = [{ id: commit, summary: "all", files: new Map(files) }];
  hub.repositories.set(path, { private: false, branches: new Map([["main", commits]]) });
}

/** A content, or the part of it that is asked for. */
function ranged(bytes: Bytes, request: Request): Response {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (start === undefined) return new Response(bytes);
  const last = Math.min(end === "" ? Infinity : Number(end), bytes.length - 1);
  return new Response(bytes.slice(Number(start), last + 1), {
    status: 206,
    headers: { "content-range": `bytes ${start}-${last}/${bytes.length}` },
  });
}
