"""The command that opens a page for models: `serve`."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.arguments import MODEL, PATH
from ganzoo.cli.options import DATA_DIR, DEVICE, ENGINE
from ganzoo.cli.output import tell
from ganzoo.cli.progress import bars
from ganzoo.sampling.engines import check_engine

__all__ = ["COMMANDS", "serve"]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=MODEL)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to serve on. 0.0.0.0 opens the page to the network."
)
@click.option("--port", type=click.IntRange(1, 65535), default=7860, show_default=True, help="Port to serve on.")
@click.option(
    "--evaluation",
    "evaluations",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Results to show, which `ganzoo evaluate NAME -o FILE` wrote, or a folder of them. Can be repeated.",
)
@DATA_DIR
@DEVICE
@ENGINE
def serve(
    names: tuple[str, ...],
    host: str,
    port: int,
    evaluations: tuple[Path, ...],
    data_dir: Path,
    device: str,
    engine: str,
) -> None:
    """Open a page for models in the browser.

    NAME is a registered model, the folder of a model or of a run, or a Hub reference. Without a name, the page shows
    all models whose weights are on this machine. Needs the extra `web`.
    """
    from ganzoo.web import app

    check_engine(engine)
    app.check(host, port)
    try:
        with bars() as progress:
            app.serve(
                names,
                host=host,
                port=port,
                device=device,
                engine=engine,
                data_dir=data_dir,
                evaluations=evaluations,
                progress=progress,
                ready=lambda address, count: _tell_ready(host, address, count),
            )
    except KeyboardInterrupt:
        tell("ganzoo: the page is closed")


def _tell_ready(host: str, address: str, count: int) -> None:
    from ganzoo.web.guard import is_loopback

    models = "1 model" if count == 1 else f"{count} models"
    tell(f"ganzoo: {models} at {address} - close the page with Ctrl-C")
    if not is_loopback(host):
        tell("ganzoo: note: everybody who reaches this address can use the page and this machine's time")


COMMANDS = (serve,)
