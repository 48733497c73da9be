import { createHash } from "node:crypto";

/** A request that a server has seen. */
export interface SeenRequest {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly range: string | null;
}

/** A hub with one model, and a second server on another port that large files are redirected to. */
export interface FakeHub {
  readonly endpoint: string;
  readonly requests: SeenRequest[];
  /** Files of the model; those that end in `.safetensors` or `.bin` are large. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** Commits of branches and tags. */
  readonly revisions: Map<string, string>;
  /** What the next answers of the second server leave out: each sends so many bytes and drops the connection. */
  readonly drops: number[];
  /** What the second server sends instead of the file. */
  replacement?: Uint8Array<ArrayBuffer>;
  /** Status of every answer of the hub, if it is to fail, and the hub's code of the error. */
  failure?: { status: number; code?: string };
  /** Answers that the hub gives before all others, one a request. */
  readonly answers: Response[];
  /** The same of the second server. */
  readonly cdnAnswers: Response[];
  /** The hash that the hub names, if not the right one. */
  etag?: string;
  /** Whether the second server ignores ranges. */
  ignoresRanges: boolean;
  /** A token without which the hub answers 401. */
  token?: string;
  /** Ends both servers. */
  close(): Promise<void>;
}

export const repository = "owner/some.model-1";
export const commit = "0123456789abcdef0123456789abcdef01234567";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** Starts the two servers on free ports of the loopback interface. */
export function startFakeHub(files: Record<string, Uint8Array<ArrayBuffer>>): FakeHub {
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  const see = (server: SeenRequest["server"], request: Request) => {
    hub.requests.push({
      server,
      method: request.method,
      path: new URL(request.url).pathname,
      authorization: request.headers.get("authorization"),
      range: request.headers.get("range"),
    });
  };
  const cdn = Deno.serve(options, (request) => {
    see("cdn", request);
    const answer = hub.cdnAnswers.shift();
    if (answer) return answer;
    const bytes = hub.replacement ?? hub.files.get(new URL(request.url).pathname.slice(1))!;
    const range = hub.ignoresRanges ? null : request.headers.get("range");
    const start = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    const headers = new Headers({ "content-length": String(bytes.length - start) });
    if (range) headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
    const drop = hub.drops.shift();
    const body = drop === undefined ? bytes.slice(start) : dropping(bytes.slice(start, start + drop));
    return new Response(body, { status: range ? 206 : 200, headers });
  });
  const main = Deno.serve(options, (request) => {
    see("hub", request);
    const { pathname } = new URL(request.url);
    const answer = hub.answers.shift();
    if (answer) return answer;
    if (hub.failure) {
      const { status, code } = hub.failure;
      return new Response(null, { status, headers: code ? { "x-error-code": code } : {} });
    }
    if (hub.token && request.headers.get("authorization") !== `Bearer ${hub.token}`) {
      return new Response(null, { status: 401 });
    }
    if (pathname.startsWith("/old/name/")) {
      return new Response(null, { status: 307, headers: { location: pathname.replace("old/name", repository) } });
    }
    const [, owner, name, , revision, file] = pathname.split("/");
    if (`${owner}/${name}` !== repository) return missing("RepoNotFound");
    const resolved = hub.revisions.get(decodeURIComponent(revision)) ?? revision;
    if (resolved !== commit) return missing("RevisionNotFound");
    const bytes = hub.files.get(file);
    if (!bytes) return missing("EntryNotFound");
    const headers = new Headers({ "x-repo-commit": commit });
    if (/\.(safetensors|bin)$/.test(file)) {
      headers.set("x-linked-etag", `"${hub.etag ?? sha256(bytes)}"`);
      headers.set("x-linked-size", String(bytes.length));
      headers.set("etag", '"of the redirect"');
      headers.set("location", `http://127.0.0.1:${cdn.addr.port}/${file}`);
      return new Response(null, { status: 302, headers });
    }
    headers.set("etag", `W/"${gitHash(bytes)}"`);
    headers.set("content-length", String(bytes.length));
    return new Response(request.method === "HEAD" ? null : bytes, { headers });
  });
  const hub: FakeHub = {
    endpoint: `http://127.0.0.1:${main.addr.port}`,
    requests: [],
    files: new Map(Object.entries(files)),
    revisions: new Map([["main", commit], ["refs/pr/1", commit]]),
    drops: [],
    answers: [],
    cdnAnswers: [],
    ignoresRanges: false,
    async close() {
      await Promise.all([main.shutdown(), cdn.shutdown()]);
    },
  };
  return hub;
}

function missing(code: string): Response {
  return new Response(null, { status: 404, headers: { "x-error-code": code } });
}

/** A body that ends before its announced length, which breaks the connection. */
function dropping(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
