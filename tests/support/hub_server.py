"""A Hugging Face Hub on one loopback port and its CDN on another, which the unmodified client accepts.

The CDN has an origin of its own because the client must drop the token on the way there. What goes
wrong is a `Fault`: a function that answers in place of the healthy route.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlencode

from huggingface_hub import ModelCard

__all__ = ["Fault", "Hub", "Request", "body", "cut", "drip", "hang", "redirect", "reset", "status"]

LFS_BYTES = 10  # files above this are "LFS", served by the CDN, but for those of GIT_SUFFIXES
GIT_SUFFIXES = (".json", ".md", ".py", ".txt")


class Request(NamedTuple):
    """One request as it arrived; `server` is ``hub`` or ``cdn``, header names are in lower case."""

    server: str
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Repository:
    """The commits of a repository; `access` is an X-Error-Code that every request of it is answered with."""

    name: str
    kind: str
    revision: str
    files: dict[str, bytes]
    access: str | None = None
    history: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: bool = False

    def __post_init__(self) -> None:
        self.history[self.revision] = self.files

    def commit(self, changes: dict[str, bytes]) -> str:
        """Add or replace files; the new commit is the main branch."""
        self.files = {**self.files, **changes}
        self.revision = hashlib.sha1(repr((self.revision, sorted(self.files.items()))).encode()).hexdigest()
        self.history[self.revision] = self.files
        return self.revision

    def named(self, revision: str) -> str:
        """The commit that a branch or commit means."""
        return self.revision if revision == "main" else revision


Fault = Callable[["Handler", bytes], None]


@dataclass
class Planned:
    """A fault that waits for `times` requests of `method` to `server` whose path ends with `ending`."""

    server: str
    method: str
    ending: str
    fault: Fault
    times: int


@dataclass
class Hub:
    """``with Hub() as hub``: runs both servers. `requests` lists what came, `faults` what is planned."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    faults: list[Planned] = field(default_factory=list)
    downloads: dict[str, int] = field(default_factory=dict)
    page: int = 1000
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.lock = threading.Lock()
        self.hub, self.cdn = Server(self, "hub"), Server(self, "cdn")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()  # frees the handlers that hang
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def add(self, name: str, files: dict[str, bytes], *, kind: str = "model", access: str | None = None) -> str:
        """Publish a repository; its commit is returned."""
        revision = hashlib.sha1(repr((name, sorted(files.items()))).encode()).hexdigest()
        prefix = "" if kind == "model" else f"{kind}s/"
        self.repositories[prefix + name] = Repository(name, kind, revision, files, access)
        return revision

    def break_(self, method: str, ending: str, fault: Fault, *, server: str = "cdn", times: int = 10**9) -> None:
        """Plan a fault; CDN paths end with the file's name too."""
        self.faults.append(Planned(server, method, ending, fault, times))

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """For a process whose Hub this is: the client reads these variables when it is imported."""
        dropped = re.compile(r"hf_|huggingface|.*_proxy$", re.IGNORECASE)
        kept = {name: value for name, value in os.environ.items() if not dropped.match(name)}
        ours = {"HF_HOME": str(home), "HF_ENDPOINT": self.hub.url, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
        return {**kept, **ours, "HF_HUB_DISABLE_TELEMETRY": "1", **more}

    def seen(self, method: str, ending: str, *, server: str = "cdn") -> list[Request]:
        """The requests of one kind so far."""
        with self.lock:
            return [r for r in self.requests if (r.server, r.method) == (server, method) and r.path.endswith(ending)]

    def record(self, request: Request) -> Fault | None:
        """Note a request; the fault that is to answer it, if one is planned."""
        with self.lock:
            self.requests.append(request)
            for planned in self.faults:
                fits = (planned.server, planned.method) == (request.server, request.method)
                if fits and request.path.endswith(planned.ending) and planned.times > 0:
                    planned.times -= 1
                    return planned.fault
        return None


class Server(ThreadingHTTPServer):
    """One origin. Closes without a FIN of its own, so that `reset` reaches the client as a reset."""

    daemon_threads = True

    def __init__(self, hub: Hub, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.zoo, self.name = hub, name
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that went away are what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Finds the route, unless a fault is planned."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def log_message(self, *args: object) -> None:
        """Silent."""

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.content = self.receive(headers)
        fault = self.server.zoo.record(Request(self.server.name, self.command, path, headers))
        for server, method, pattern, route in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and (server, method) == (self.server.name, self.command):
                return route(self, fault, *found.groups())
        return self.refuse(404, "")

    def receive(self, headers: dict[str, str]) -> bytes:
        """The body of the request, which comes in chunks where its length is not announced."""
        if "chunked" not in headers.get("transfer-encoding", ""):
            return self.rfile.read(int(headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(self, code: int, content: bytes = b"", /, **headers: str | int) -> None:
        """Answer with `content`; `Content_Length` in `headers` wins over its true length."""
        self.send_response(code)
        for name, value in {"Content_Length": len(content), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, code: int, error: str) -> None:
        self.reply(code, b"", **({"X_Error_Code": error} if error else {}))


# --- routes: (handler, planned fault, parts of the path) -------------------------------------------


def is_lfs(filename: str, content: bytes) -> bool:
    return len(content) > LFS_BYTES and not filename.endswith(GIT_SUFFIXES)


def git_digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content)).hexdigest()


def allowed(handler: Handler, name: str) -> Repository | None:
    """The repository, or none if it is refused, which is answered then."""
    repository = handler.server.zoo.repositories.get(name)
    if repository is not None and not repository.access:
        return repository
    code = repository.access if repository and repository.access else "RepoNotFound"
    handler.refuse(403 if code == "GatedRepo" else 401, "" if code == "Unauthorized" else code)
    return None


def resolve(handler: Handler, fault: Fault | None, prefix: str, revision: str, filename: str) -> None:
    """The client asks HEAD for everything it must know, then GET for the body, here or at the CDN."""
    repository = allowed(handler, prefix)
    if repository is None:
        return None
    revision = repository.named(revision)
    if revision not in repository.history:
        return handler.refuse(404, "RevisionNotFound")
    content = repository.history[revision].get(filename)
    if content is None:
        return handler.refuse(404, "EntryNotFound")
    if fault is not None:
        return fault(handler, content)
    digest = hashlib.sha256(content).hexdigest()
    if not is_lfs(filename, content):
        return handler.reply(200, content, X_Repo_Commit=revision, ETag=f'"{git_digest(content)}"')
    location = f"{handler.server.zoo.cdn.url}/{digest}/{filename}?signature=1"
    linked = {"X_Linked_Etag": f'"{digest}"', "X_Linked_Size": len(content)}
    return handler.reply(302, b"", Location=location, X_Repo_Commit=revision, ETag=f'"{digest[:40]}"', **linked)


def blob(handler: Handler, fault: Fault | None, digest: str) -> None:
    commits = [files for each in handler.server.zoo.repositories.values() for files in each.history.values()]
    contents = [content for files in commits for content in files.values()]
    content = next(content for content in contents if hashlib.sha256(content).hexdigest() == digest)
    if fault is not None:
        return fault(handler, content)
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if not start:
        return handler.reply(200, content)
    return handler.reply(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}")


def model_info(handler: Handler, fault: Fault | None, name: str, revision: str | None) -> None:
    repository = allowed(handler, name)
    if repository is None:
        return None
    commit = repository.named(revision or "main")
    if commit not in repository.history:
        return handler.refuse(404, "RevisionNotFound")
    if fault is not None:
        return fault(handler, b"")
    siblings = [sibling(filename, content) for filename, content in repository.history[commit].items()]
    facts = {"id": name, "sha": commit, "siblings": siblings, "private": repository.private}
    return handler.reply(200, json.dumps(facts).encode())


def sibling(filename: str, content: bytes) -> dict[str, Any]:
    """A file as the Hub lists it with ``?blobs=True``."""
    facts: dict[str, Any] = {"rfilename": filename, "size": len(content), "blobId": git_digest(content)}
    if is_lfs(filename, content):
        digest = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 134}
    return facts


def search(handler: Handler, fault: Fault | None) -> None:
    """The models with all tags of ``filter`` and ``search`` in their names, by downloads, `Hub.page` at a time."""
    if fault is not None:
        return fault(handler, b"")
    zoo, query = handler.server.zoo, parse_qs(handler.path.partition("?")[2])
    each = [listed(repository, zoo.downloads) for repository in zoo.repositories.values() if not repository.access]
    text = query.get("search", [""])[0].lower()
    found = [x for x in each if text in x["id"].lower() and set(query.get("filter", [])) <= set(x["tags"])]
    found.sort(key=lambda entry: -entry["downloads"])
    start = int(query.get("cursor", ["0"])[0])
    end = start + min(zoo.page, int(query.get("limit", ["1000"])[0]))
    following = urlencode({**query, "cursor": [end]}, doseq=True)
    link = {"Link": f'<{zoo.hub.url}/api/models?{following}>; rel="next"'} if end < len(found) else {}
    return handler.reply(200, json.dumps(found[start:end]).encode(), Content_Type="application/json", **link)


def listed(repository: Repository, downloads: dict[str, int]) -> dict[str, Any]:
    """A repository as the Hub lists it: its tags are those of the card, with its own before and after them."""
    card = ModelCard(repository.files.get("README.md", b"").decode()).data
    tags = [card.library_name, "safetensors", *(card.tags or ()), card.pipeline_tag]
    tags += [f"{kind}:{value}" for kind, value in (("license", card.license), ("region", "us")) if value]
    return {
        "id": repository.name,
        "downloads": downloads.get(repository.name, 0),
        "library_name": card.library_name,
        "tags": list(dict.fromkeys(tag for tag in tags if tag)),
        "siblings": [{"rfilename": name} for name in repository.files],
    }


ROUTES: list[tuple[str, str, str, Callable[..., None]]] = [
    ("hub", "HEAD", r"/(.+)/resolve/([^/]+)/(.+)", resolve),
    ("hub", "GET", r"/(.+)/resolve/([^/]+)/(.+)", resolve),
    ("hub", "GET", r"/api/models", search),
    ("hub", "GET", r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", model_info),
    ("hub", "GET", r"/api/(datasets/[^/]+/[^/]+)(?:/revision/(.+))?", model_info),
    ("cdn", "GET", r"/([0-9a-f]{64})/.+", blob),
]


# --- faults --------------------------------------------------------------------------------------


def status(code: int, **headers: str) -> Fault:
    """An HTTP error."""
    return lambda handler, _: handler.reply(code, b"no", **headers)


def body(change: Callable[[bytes], bytes]) -> Fault:
    """A healthy answer with another body."""
    return lambda handler, content: handler.reply(200, change(content))


def redirect(location: str) -> Fault:
    """A redirect to somewhere else."""
    return lambda handler, _: handler.reply(302, b"", Location=location)


def cut(handler: Handler, content: bytes) -> None:
    """Half the announced body, then an orderly end."""
    handler.reply(200, content[: len(content) // 2], Content_Length=len(content))
    handler.close_connection = True


def reset(handler: Handler, content: bytes) -> None:
    """Half the announced body, then a TCP reset."""
    cut(handler, content)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(handler: Handler, content: bytes) -> None:
    """The announced body, a few bytes at a time."""
    handler.reply(200, content[:10], Content_Length=len(content))
    handler.close_connection = True
    for i in range(10, len(content), 10):
        handler.wfile.write(content[i : i + 10])
        handler.wfile.flush()
        if handler.server.zoo.closing.wait(0.05):
            return


def hang(handler: Handler, content: bytes) -> None:
    """Half the announced body (of a HEAD: nothing), then silence."""
    if handler.command == "GET":
        cut(handler, content)
        handler.wfile.flush()
    handler.server.zoo.closing.wait()
    handler.close_connection = True
