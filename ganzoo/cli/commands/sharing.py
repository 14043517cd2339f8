"""The commands for those who share models and write plugins."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from ganzoo.cli.arguments import AS_JSON, FOLDER, MODEL, pinned
from ganzoo.cli.progress import bars
from ganzoo.errors import InvalidRequestError
from ganzoo.hub import download
from ganzoo.pretrained import resolve
from ganzoo.pretrained.load import load
from ganzoo.utils.files import atomic_write, check_file
from ganzoo.utils.names import short_name

if TYPE_CHECKING:
    from ganzoo.sharing.publish import Prepared

__all__ = ["COMMANDS", "WITHOUT_PLUGINS", "card", "completion", "doctor", "new_plugin", "publish"]

FILE = click.Path(path_type=Path)


@click.command()
@click.argument("run", type=FOLDER)
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option("--card", type=FILE, help="A model card in Markdown. [default: the run's README.md, or one of facts]")
@click.option("--dry-run", is_flag=True, help="Write and check what would be uploaded, and stop there.")
@AS_JSON
def publish(run: str, repository: str, private: bool, card: Path | None, dry_run: bool, as_json: bool) -> None:
    """Upload a run's model to the Hugging Face Hub, and print the record that pins it.

    Then `ganzoo sample hf:OWNER/REPO` works everywhere. What is uploaded is written into RUN/published first.
    """
    from ganzoo.cli import display
    from ganzoo.sharing import publish

    publish.check_repository(repository)
    if not resolve.is_folder(run) and not Path(run).is_dir():
        raise InvalidRequestError(f"there is no run {run} - name the folder that `ganzoo train -o` wrote")
    if not dry_run:
        publish.check_login()
    prepared = publish.prepare(Path(run), repository, card=card)
    if dry_run:
        display.written([prepared.folder / name for name in prepared.files], as_json=as_json)
        _note_unfinished(prepared)
        click.echo(f"ganzoo: nothing was uploaded; this is what {repository} would hold", err=True)
        return
    download.bound_client()
    display.calm_uploads()
    weights = publish.upload(prepared, repository, private=private)
    _note_unfinished(prepared)
    click.echo(f"ganzoo: published as hf:{repository}@{weights.revision}", err=True)
    record = publish.record_of(prepared, weights)
    if as_json:
        display.facts({**vars(weights), "name": record.name}, as_json=True)
    else:
        click.echo(publish.as_source(record))


def _note_unfinished(prepared: Prepared) -> None:
    if prepared.unfinished:
        text = "has parts to be written - complete a copy of it, and give it with --card"
        click.echo(f"ganzoo: note: {prepared.folder / 'README.md'} {text}", err=True)


@click.command()
@click.argument("name", type=MODEL)
@click.option("-o", "--output", type=FILE, help="The card's file; its picture lies beside it. [default: NAME.md]")
@click.option("--input", "source", type=FILE, help="Of a translation, the picture to show.")
@click.option("--evaluation", type=FILE, help="What `ganzoo evaluate NAME -o FILE` wrote.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
def card(name: str, output: Path | None, source: Path | None, evaluation: Path | None, overwrite: bool) -> None:
    """Write a model card: the facts of a model, a sheet of what it makes, how to use it, and how good it is."""
    from ganzoo.evaluation import report
    from ganzoo.sharing.card import card_of

    name = pinned(name)
    section = "" if evaluation is None else report.markdown(report.read(evaluation))
    card = dataclasses.replace(card_of(name), evaluation=section)
    target = output or Path(f"{short_name(name)}.md")
    picture = target.with_name(target.name.removesuffix(".md") + ".png")
    for path, ending in ((target, ".md"), (picture, ".png")):
        check_file(path, (ending,), overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn = _draw(name, picture, source)
    with atomic_write(target) as temporary:
        temporary.write_text(dataclasses.replace(card, picture=picture.name if drawn else "").render())
    for path in (target, picture) if drawn else (target,):
        click.echo(path)


def _draw(name: str, picture: Path, source: Path | None) -> bool:
    from ganzoo.sharing.sheet import draw_sheet

    download.bound_client()
    with bars() as progress:
        model = load(name, progress=progress)
    newest = resolve.folder_of(name) / "samples" if resolve.is_folder(name) else None
    return draw_sheet(model, picture, source=source, newest=newest)


@click.command()
@click.option("--timeout", type=click.FloatRange(min=0.1), default=20.0, show_default=True, metavar="SECONDS")
@AS_JSON
@click.pass_context
def doctor(ctx: click.Context, timeout: float, as_json: bool) -> None:
    """See whether plugins, cache, disk, network and device are in order. Exit code 1 says that one is not.

    Every plugin is imported in a process of its own, so that one which crashes or hangs is named too.
    """
    from ganzoo.cli import display
    from ganzoo.cli.doctor import examine
    from ganzoo.registry.discovery import disabled_plugins

    third_party = not (ctx.parent and ctx.parent.params.get("no_plugins"))
    found = list(examine(timeout=timeout, disabled=disabled_plugins(third_party=third_party)))
    display.table([finding._asdict() for finding in found], as_json=as_json)
    ctx.exit(1 if any(finding.state == "failed" for finding in found) else 0)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, models, architectures and data sets.

    In ~/.bashrc: eval "$(ganzoo completion bash)"; in ~/.zshrc the same with zsh; for fish,
    ganzoo completion fish > ~/.config/fish/completions/ganzoo.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has those three
    click.echo(kind(ctx.find_root().command, {}, "ganzoo", "_GANZOO_COMPLETE").source())


@click.command("new-plugin")
@click.argument("name")
@click.option("-o", "--output", type=FILE, help="The folder to write. [default: ganzoo-NAME]")
def new_plugin(name: str, output: Path | None) -> None:
    """Write a small package with an architecture of your own, which passes its tests as it stands.

    Then: pip install -e ganzoo-NAME, and ganzoo train NAME --data mnist -o run.
    """
    from ganzoo.cli.scaffold import write_plugin

    for path in write_plugin(name, output):
        click.echo(path)


COMMANDS = (publish, card, new_plugin, doctor, completion)
"""What `ganzoo.cli.main` adds to its own."""

WITHOUT_PLUGINS = frozenset({"doctor", "completion"})
"""The commands that must work whatever plugins do, and load none."""
