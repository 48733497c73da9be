"""The part of the hub's protocol that reading a data set needs, on loopback, from a folder."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


class LoopbackHub(ThreadingHTTPServer):
    """Serves the files of ``root`` as the data set ``owner/maps``; ``sent`` says how many bytes of each went out."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = Path()
        self.commit = ""
        self.sent: dict[str, int] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, root: Path) -> None:
        # Another commit each time: caches know the last one's files.
        self.root, self.sent, self.commit = root, {}, secrets.token_hex(20)

    def entries(self) -> list[dict[str, object]]:
        return [self.entry(path) for path in sorted(self.root.rglob("*"))]

    def entry(self, path: Path) -> dict[str, object]:
        name = path.relative_to(self.root).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "size": 0, "oid": hashlib.sha1(name.encode()).hexdigest()}
        data = path.read_bytes()
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackHub
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), "X-Repo-Commit": self.server.commit, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def say(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def do_GET(self) -> None:
        self.route(b"")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.route(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def route(self, body: bytes) -> None:
        path = unquote(urlsplit(self.path).path)
        deep = "recursive=true" in urlsplit(self.path).query.lower()
        api, file = "/api/datasets/owner/maps", "/datasets/owner/maps/resolve/"
        if path.startswith(file):
            _, name = path.removeprefix(file).split("/", 1)
            self.send_file(name)
        elif path.startswith(f"{api}/paths-info/"):
            fields = json.loads(body) if body[:1] == b"{" else parse_qs(body.decode())
            wanted = fields["paths"]
            self.say([entry for entry in self.server.entries() if entry["path"] in wanted])
        elif path.startswith(f"{api}/tree/"):
            _, _, under = path.removeprefix(f"{api}/tree/").partition("/")
            folders = [(str(entry["path"]).rpartition("/")[0], entry) for entry in self.server.entries()]
            self.say([entry for folder, entry in folders if folder == under or (deep and f"{folder}/".startswith(under))])
        elif path in (api, f"{api}/revision/main", f"{api}/revision/{self.server.commit}"):
            siblings = [{"rfilename": entry["path"]} for entry in self.server.entries() if entry["type"] == "file"]
            self.say({"id": "owner/maps", "sha": self.server.commit, "private": False, "tags": [], "siblings": siblings})
        else:
            code = "RevisionNotFound" if path.startswith(api) else "RepoNotFound"
            self.answer(404, b"", **{"X-Error-Code": code})

    def send_file(self, name: str) -> None:
        if not (self.server.root / name).is_file():
            return self.answer(404, b"", **{"X-Error-Code": "EntryNotFound"})
        data = (self.server.root / name).read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(self.server.commit.encode() + data).hexdigest()}"', "Accept-Ranges": "bytes"}
        first, last = 0, len(data) - 1
        asked = self.headers.get("Range")
        if asked:
            start, end = asked.removeprefix("bytes=").split("-")
            first, last = int(start), min(int(end or last), last)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        if self.command == "GET":
            self.server.sent[name] = self.server.sent.get(name, 0) + last + 1 - first
        self.answer(206 if asked else 200, data[first : last + 1], **headers)

    def log_message(self, *args: object) -> None:
        pass
