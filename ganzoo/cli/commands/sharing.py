"""Commands for authors of models and plugins: `publish`, `card`, `new-plugin`, `doctor` and `completion`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from ganzoo.cli.arguments import FOLDER, MODEL, PATH, resolved
from ganzoo.cli.options import AS_JSON, ENGINE, OVERWRITE
from ganzoo.cli.output import say, say_lines, tell
from ganzoo.cli.progress import bars
from ganzoo.hub import download
from ganzoo.hub.references import Reference
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Folder, Source
from ganzoo.sampling.engines import check_engine
from ganzoo.utils.files import atomic_write, check_file
from ganzoo.utils.names import short_name

if TYPE_CHECKING:
    from ganzoo.sharing.publish import Prepared

__all__ = ["COMMANDS", "card", "completion", "doctor", "new_plugin", "publish"]


@click.command()
@click.argument("run", type=FOLDER)
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Make the repository private.")
@click.option(
    "--card", type=PATH, help="Model card in Markdown. [default: the run's README.md if you edited it, else a new card]"
)
@click.option(
    "--with-discriminator", is_flag=True, help="Also upload the discriminator, from which `train --init` can start."
)
@click.option("--space", is_flag=True, help="Also upload a Space OWNER/REPO: a page that shows the model.")
@click.option("--dry-run", is_flag=True, help="Write and check the files, but upload nothing.")
@AS_JSON
def publish(
    run: str,
    repository: str,
    private: bool,
    card: Path | None,
    with_discriminator: bool,
    space: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Upload the model of a run to the Hugging Face Hub.

    The files to upload are first written into RUN/published. Afterwards `ganzoo sample hf:OWNER/REPO` works on every
    machine. Prints the record that a plugin declares to give the model a registered name.
    """
    from ganzoo.cli import display
    from ganzoo.sharing import publish
    from ganzoo.sharing.space import FOLDER as SPACE
    from ganzoo.sharing.space import upload_space, write_space

    publish.check_repository(repository)
    source = Folder.at(run)
    if not dry_run:
        publish.check_login()
    prepared = publish.prepare(source, repository, card=card, with_discriminator=with_discriminator)
    if dry_run:
        written = [prepared.folder / name for name in prepared.files]
        if space:
            written += write_space(source.path / SPACE, prepared, Reference(repository, None))
        display.written(written, as_json=as_json)
        _note_unfinished(prepared)
        tell(f"ganzoo: nothing was uploaded; these are the files for {repository}")
        return
    download.bound_client()
    display.calm_uploads()
    weights = publish.upload(prepared, repository, private=private)
    _note_unfinished(prepared)
    tell(f"ganzoo: published as hf:{repository}@{weights.revision}")
    if space:
        write_space(source.path / SPACE, prepared, Reference(repository, weights.revision))
        tell(f"ganzoo: the page is at {upload_space(source.path / SPACE, repository, private=private)}")
    record = publish.record_of(prepared, weights)
    if as_json:
        display.facts({**vars(weights), "name": record.name}, as_json=True)
    else:
        say_lines(publish.as_source(record))


def _note_unfinished(prepared: Prepared) -> None:
    if prepared.unfinished:
        text = "has parts that are still to be written - complete a copy of it, and publish again with --card"
        tell(f"ganzoo: note: {prepared.folder / 'README.md'} {text}")


@click.command()
@click.argument("name", type=MODEL)
@click.option(
    "-o", "--output", type=PATH, help="File of the card; the sample sheet is written next to it. [default: NAME.md]"
)
@click.option("--input", "source", type=PATH, help="Picture to translate for the card of a model that translates.")
@click.option("--evaluation", type=PATH, help="Results to include, which `ganzoo evaluate NAME -o FILE` wrote.")
@ENGINE
@OVERWRITE
def card(
    name: str, output: Path | None, source: Path | None, evaluation: Path | None, engine: str, overwrite: bool
) -> None:
    """Write a model card.

    It states facts about a model, shows a sample sheet, and tells how to use the model. With --evaluation, it also
    has the results of an evaluation.
    """
    check_engine(engine)
    model = resolved(name)
    target = output or Path(f"{short_name(model.name)}.md")
    picture = target.with_name(target.name.removesuffix(".md") + ".png")
    for path, ending in ((target, ".md"), (picture, ".png")):
        check_file(path, (ending,), overwrite=overwrite)

    # A wrong request has been refused by now, and torch may be imported.
    from ganzoo.evaluation import report
    from ganzoo.sharing.card import card_of

    section = "" if evaluation is None else report.markdown(report.read(evaluation))
    card = dataclasses.replace(card_of(model), evaluation=section)
    target.parent.mkdir(parents=True, exist_ok=True)
    drawn = _draw(model, picture, source, engine)
    with atomic_write(target) as temporary:
        temporary.write_text(dataclasses.replace(card, picture=picture.name if drawn else "").render())
    for path in (target, picture) if drawn else (target,):
        say(path)


def _draw(model: Source, picture: Path, source: Path | None, engine: str) -> bool:
    from ganzoo.sharing.sheet import draw_sheet

    download.bound_client()
    with bars() as progress:
        loaded = load_from(model, engine=engine, progress=progress)
    newest = model.path / "samples" if isinstance(model, Folder) else None
    return draw_sheet(loaded, picture, source=source, newest=newest)


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="Time that each plugin may take to import.",
)
@AS_JSON
@click.pass_context
def doctor(ctx: click.Context, timeout: float, as_json: bool) -> None:
    """Check that plugins, cache, disk, network and device work.

    The exit code is 1 if one of them does not. Each plugin is imported in a separate process, so that a plugin that
    crashes or hangs is named too.
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
    """Print a completion script for your shell.

    With it, the shell completes commands, options, and the names of models, architectures and data sets.

    For bash, put this line into ~/.bashrc: eval "$(ganzoo completion bash)". For zsh, put the same line with zsh
    into ~/.zshrc. For fish, run: ganzoo completion fish > ~/.config/fish/completions/ganzoo.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click cannot complete {shell} - upgrade click")
    click.echo(kind(ctx.find_root().command, {}, "ganzoo", "_GANZOO_COMPLETE").source())


@click.command("new-plugin")
@click.argument("name")
@click.option("-o", "--output", type=PATH, help="Folder to write. [default: ganzoo-NAME]")
def new_plugin(name: str, output: Path | None) -> None:
    """Write a package with a small architecture of your own. Its tests pass from the start.

    Then install it with pip install -e ganzoo-NAME, and train it with ganzoo train NAME --data mnist -o run.
    """
    from ganzoo.cli.scaffold import write_plugin

    for path in write_plugin(name, output):
        say(path)


COMMANDS = (publish, card, new_plugin, doctor, completion)
"""The commands that `ganzoo.cli.main` adds to the command line."""
