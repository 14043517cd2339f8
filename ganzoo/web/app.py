"""Put the pages together and serve them."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidRequestError
from ganzoo.sampling.engines import TORCH
from ganzoo.utils.progress import Progress, silent
from ganzoo.web.guard import Guard, is_loopback
from ganzoo.web.shelf import Shelf, choose
from ganzoo.web.site import Site, Workspace, read_evaluations

if TYPE_CHECKING:
    import gradio as gr

__all__ = ["HOST", "PORT", "build", "check", "launch", "serve"]

HOST, PORT = "127.0.0.1", 7860
MOST_UPLOADED = "20mb"
MOST_WAITING = 32
"""The most requests that wait in the queue. More are refused."""

_SETTINGS = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ALLOWED_PATHS": "",
}
"""What gradio reads from the environment when it is imported."""


def serve(
    names: Sequence[str] = (),
    *,
    host: str = HOST,
    port: int = PORT,
    device: str = "auto",
    engine: str = TORCH,
    data_dir: str | Path = "data",
    evaluations: Sequence[Path] = (),
    progress: Progress = silent,
    ready: Callable[[str, int], None] = lambda address, count: None,
    stop: threading.Event | None = None,
) -> None:
    """Serve a page for the models with these names, or for all models whose weights are on this machine.

    It serves until `stop` is set, or until Ctrl-C. `ready` is called with the address and the number of models.
    `evaluations` are files that `ganzoo evaluate NAME -o FILE` wrote, or folders of them. `data_dir` holds the data
    sets of the quiz. `device` and `engine` are as for `ganzoo.load`.

    Raises:
        InvalidRequestError: gradio is not installed, or the host and the port cannot be used.
        GanzooError: a model that is named cannot be found or downloaded.
    """
    check(host, port)
    with tempfile.TemporaryDirectory(prefix="ganzoo-serve-") as root:
        shelf, workspace = Shelf(device, engine), Workspace(Path(root) / "results")
        results = read_evaluations(evaluations)
        site = Site(choose(names, progress=progress), shelf, workspace, Path(data_dir), results)
        page = build(site, Path(root))
        address = launch(page, host, port)
        try:
            ready(address, len(site.shown))
            (stop or threading.Event()).wait()
        finally:
            page.close(verbose=False)


def check(host: str, port: int) -> None:
    """Refuse a server that cannot start, before anything is loaded.

    Raises:
        InvalidRequestError: gradio is not installed, or the host and the port cannot be used.
    """
    if find_spec("gradio") is None:
        raise InvalidRequestError("the page needs gradio - install it with `pip install 'ganzoo[web]'`")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(place)
    except OSError as error:
        text = f"{host}:{port} cannot be served ({error.strerror or error})"
        raise InvalidRequestError(f"{text} - choose another --port, or another --host") from error


def build(site: Site, root: Path) -> gr.Blocks:
    """The gallery, with a page for each model. Files that gradio keeps are in the folder `root`."""
    os.environ.update(_SETTINGS, GRADIO_TEMP_DIR=str(root / "shown"))
    import gradio as gr

    from ganzoo.web.cards import Sheets
    from ganzoo.web.pages.gallery import draw_gallery
    from ganzoo.web.pages.model import draw_model
    from ganzoo.web.pages.widgets import Place

    blocks: gr.Blocks = gr.Blocks(title="ganzoo", analytics_enabled=False, delete_cache=(600, 3600))
    with blocks:
        draw_gallery(blocks, site, Sheets())
    for shown in site.shown:
        with blocks.route(f"{shown.title} - ganzoo", f"/{shown.page}", show_in_navbar=False) as page:
            draw_model(page, Place(site, shown))
    blocks.queue(max_size=MOST_WAITING, api_open=False)
    return blocks


def launch(page: gr.Blocks, host: str, port: int) -> str:
    """Start the server in a thread, and return its address. Nothing but gradio's own folder can be read through it."""
    from starlette.middleware import Middleware

    from ganzoo.web.pages.style import CSS, theme

    middleware: list[Any] = [Middleware(Guard, local=is_loopback(host))]
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        allowed_paths=[],
        max_file_size=MOST_UPLOADED,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        app_kwargs={"middleware": middleware, "docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=theme(),
        css=CSS,
    )
    return str(address)
