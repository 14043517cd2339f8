"""What a Hub answers to those who write: repositories are made, files sent, and committed; importing it adds that.

The only token that may write is `TOKEN`, and only to repositories of `OWNER`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from hub_server import ROUTES, Fault, Handler, Repository, is_lfs

TOKEN = "hf_of_the_tests"
OWNER = "someone"


def may_write(handler: Handler, owner: str) -> bool:
    """Whether the request's token may write there; refused if not."""
    if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
        handler.refuse(401, "")
        return False
    if owner != OWNER:
        handler.refuse(403, "")
        return False
    return True


def answer(handler: Handler, content: dict[str, Any]) -> None:
    handler.reply(200, json.dumps(content).encode(), Content_Type="application/json")


def create(handler: Handler, fault: Fault | None) -> None:
    asked = json.loads(handler.content)
    name = f"{asked['organization']}/{asked['name']}"
    if not may_write(handler, asked["organization"]):
        return None
    if fault is not None:
        return fault(handler, b"")
    known, kind = handler.server.zoo.repositories, asked.get("type") or "model"
    name = name if kind == "model" else f"{kind}s/{name}"
    if name in known:
        return handler.reply(409, json.dumps({"url": name}).encode())
    revision = hashlib.sha1(name.encode()).hexdigest()
    known[name] = Repository(name, kind, revision, {}, private=asked.get("visibility") == "private")
    return answer(handler, {"url": f"{handler.server.zoo.hub.url}/{name}"})


def validate(handler: Handler, fault: Fault | None) -> None:
    """The Hub's own look at a card."""
    if fault is not None:
        return fault(handler, b"")
    return answer(handler, {"errors": [], "warnings": []})


def preupload(handler: Handler, fault: Fault | None, kind: str, owner: str, name: str) -> None:
    if not may_write(handler, owner):
        return
    files = [
        {
            "path": file["path"],
            "uploadMode": "lfs" if is_lfs(file["path"], bytes(file["size"])) else "regular",
            "shouldIgnore": False,
        }
        for file in json.loads(handler.content)["files"]
    ]
    answer(handler, {"files": files})


def batch(handler: Handler, fault: Fault | None, owner: str, name: str) -> None:
    """Where each large file is to be sent: to the CDN, which knows no tokens."""
    if not may_write(handler, owner):
        return
    base = handler.server.zoo.cdn.url
    objects = [
        {**wanted, "actions": {"upload": {"href": f"{base}/upload/{wanted['oid']}"}}}
        for wanted in json.loads(handler.content)["objects"]
    ]
    answer(handler, {"objects": objects, "transfer": "basic"})


def receive(handler: Handler, fault: Fault | None, digest: str) -> None:
    if fault is not None:
        return fault(handler, handler.content)
    if hashlib.sha256(handler.content).hexdigest() != digest:
        return handler.refuse(400, "")
    handler.server.zoo.uploads[digest] = handler.content
    return handler.reply(200)


def commit(handler: Handler, fault: Fault | None, kind: str, owner: str, name: str) -> None:
    if not may_write(handler, owner):
        return None
    if fault is not None:
        return fault(handler, b"")
    changes: dict[str, bytes] = {}
    for line in map(json.loads, handler.content.splitlines()):
        value = line["value"]
        if line["key"] == "file":
            changes[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            changes[value["path"]] = handler.server.zoo.uploads[value["oid"]]
    repository = f"{owner}/{name}" if kind == "models" else f"{kind}/{owner}/{name}"
    oid = handler.server.zoo.repositories[repository].commit(changes)
    return answer(handler, {"commitUrl": f"{handler.server.zoo.hub.url}/{owner}/{name}/commit/{oid}", "commitOid": oid})


ROUTES += [
    ("hub", "POST", r"/api/repos/create", create),
    ("hub", "POST", r"/api/validate-yaml", validate),
    ("hub", "POST", r"/api/(models|spaces)/([^/]+)/([^/]+)/preupload/main", preupload),
    ("hub", "POST", r"/([^/]+)/([^/]+)\.git/info/lfs/objects/batch", batch),
    ("hub", "POST", r"/api/(models|spaces)/([^/]+)/([^/]+)/commit/main", commit),
    ("cdn", "PUT", r"/upload/([0-9a-f]{64})", receive),
]
