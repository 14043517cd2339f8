"""The commands that show what there is, and bring it here."""

from __future__ import annotations

import sys

import click

from ganzoo.cli import descriptions, display
from ganzoo.cli.arguments import AS_JSON, MODEL, SUBJECT, pinned, registered
from ganzoo.pretrained import resolve
from ganzoo.registry import lookup

__all__ = ["COMMANDS", "info", "list_models", "plugins", "pull"]


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--arch", "architecture", type=registered("architectures"), help="Only models of this architecture.")
@click.option("--task", help="Only models of this task, such as unconditional.")
@click.option("--cached", is_flag=True, help="Only models that need no download.")
@AS_JSON
def list_models(pattern: str, architecture: str | None, task: str | None, cached: bool, as_json: bool) -> None:
    """List the pretrained models. PATTERN selects names, as a shell does: 'dcgan-*'."""
    names = lookup.models(pattern, architecture=architecture, task=task)
    rows = [descriptions.model_row(name) for name in names]
    display.table([row for row in rows if not cached or row["where"] != "hub"], as_json=as_json)


@click.command()
@click.argument("name", type=SUBJECT)
@AS_JSON
def info(name: str, as_json: bool) -> None:
    """Show all that is known of a model, an architecture, or the features that `ganzoo evaluate` compares by."""
    display.facts(descriptions.describe(pinned(name)), as_json=as_json)


@click.command()
@click.argument("names", nargs=-1, type=MODEL)
@click.option("--all", "everything", is_flag=True, help="Pull every registered model.")
@AS_JSON
def pull(names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Download and verify weights, of models and of features. After that, their use needs no network."""
    from ganzoo.hub import download

    if bool(names) == everything:
        raise click.UsageError("name the models to pull, or say --all")
    names = tuple(lookup.models()) if everything else names
    for name in filter(resolve.is_registered, names):
        resolve.record_of(name)  # refuse a wrong name before anything is fetched
    download.bound_client()
    sys.exit(display.pull_all(names, as_json=as_json))


@click.command()
@click.option("--debug", "culprit", metavar="NAME", help="Show the traceback of this plugin.")
@AS_JSON
def plugins(culprit: str | None, as_json: bool) -> None:
    """List the plugins: their state and what they declare."""
    found = lookup.registry().plugins
    if culprit is None:
        display.table([descriptions.plugin_row(plugin) for plugin in found], as_json=as_json)
        return
    matching = [p for p in found if culprit in (p.key, p.distribution, p.entry_point)]
    if not matching:
        raise click.UsageError(f"no plugin {culprit!r} is installed")
    for plugin in matching:
        click.echo(plugin.traceback or f"{plugin.key} is {plugin.state}")


COMMANDS = (list_models, info, pull, plugins)
