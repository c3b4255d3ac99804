"""A server on this machine that answers what a test tells it to, as the web or the Hugging Face hub would."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Answer", "Loopback", "publish", "serve"]


@dataclass
class Answer:
    """What a path gives."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: int = 0
    """How many more times the connection closes half-way."""


@dataclass
class Loopback:
    """`answers` by path, or by folder and `*`; `asked` collects "METHOD path", `tokens` the Authorization headers."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Loopback]:
    """Answers until the block ends; after it the port is closed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            loopback.asked.append(f"{self.command} {path}")
            loopback.tokens.append(self.headers.get("Authorization"))
            folder = path.rpartition("/")[0]
            answer = loopback.answers.get(path) or loopback.answers.get(f"{folder}/*") or Answer(status=404)
            body, status = answer.body, answer.status
            if begin := self.headers.get("Range"):
                status, body = 206, body[int(begin.removeprefix("bytes=").split("-")[0]) :]
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET" and answer.cuts and body:
                answer.cuts -= 1
                body = b"" if begin else body[: len(body) // 2]
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    loopback = Loopback(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def publish(
    hub: Loopback,
    repository: str,
    files: dict[str, bytes],
    *,
    revision: str = "main",
    lfs: tuple[str, ...] = (),
    also_listed: tuple[str, ...] = (),
) -> str:
    """Puts a repository on the hub, as the real one answers for it; the commit.

    Files in `lfs` are redirected to another host, as the hub does to its storage.
    """
    commit = hashlib.sha1(repr((repository, sorted(files.items()))).encode()).hexdigest()
    siblings = [{"rfilename": name, "size": 1, "blobId": "0" * 40} for name in also_listed]
    for name, data in files.items():
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        sha256 = hashlib.sha256(data).hexdigest()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{blob}"'}
        sibling: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
        answer = Answer(data, headers=headers)
        if name in lfs:
            sibling["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 130}
            hub.answers[f"/storage/{sha256}"] = Answer(data)
            storage = hub.url.replace("127.0.0.1", "localhost")
            linked = {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{sha256}"'}
            answer = Answer(status=302, headers={**headers, **linked, "Location": f"{storage}/storage/{sha256}"})
        siblings.append(sibling)
        for version in (revision, commit):
            hub.answers[f"/{repository}/resolve/{version}/{name}"] = answer
    info = {"id": repository, "modelId": repository, "sha": commit, "siblings": siblings, "tags": []}
    for version in (revision, commit):
        hub.answers[f"/api/models/{repository}/revision/{version}"] = Answer(
            json.dumps(info).encode(), headers={"Content-Type": "application/json"}
        )
        absent = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}
        hub.answers[f"/{repository}/resolve/{version}/*"] = Answer(status=404, headers=absent)
    return commit
