"""The command line and the Hub's client in this process: quicker than one of its own, which imports torch anew."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import huggingface_hub.utils._cache_assets as assets
import pytest
from huggingface_hub import constants

from ganzoo.cli import main as cli
from ganzoo.cli.signals import EXIT_CODES
from ganzoo.hub import download
from ganzoo.registry import lookup
from hub_server import Hub


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def ganzoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Outcome:
    """`ganzoo ARGUMENTS`."""
    handlers = {number: signal.getsignal(number) for number in EXIT_CODES}
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["ganzoo", *map(str, arguments)])
    monkeypatch.setattr(download, "bound_client", lambda: None)  # it is process-global, and has tests of its own
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        lookup.use(None)
    return Outcome(int(ended.value.code or 0), *capsys.readouterr())


@contextmanager
def client_of(running: Hub, home: Path, *, offline: bool = False, token: str = "") -> Iterator[None]:
    """The client as if it had been imported with this Hub and this cache in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", running.hub.url)
        patch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        patch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        patch.setattr(constants, "HF_HUB_OFFLINE", offline)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_ASSETS_CACHE", str(home / "assets"))
        patch.setattr(assets, "HF_ASSETS_CACHE", str(home / "assets"))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            patch.delenv(name, raising=False)
        if token:
            patch.setenv("HF_TOKEN", token)
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield
