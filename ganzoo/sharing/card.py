"""Write the model card of a model, whether it is registered, in a folder, or on the Hub."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ganzoo.errors import RunError, UsageError, one_line
from ganzoo.interface.weights_files import BundledFile, PackageFile
from ganzoo.pretrained.cards import Card, example_of, facts_of
from ganzoo.pretrained.installed import install_command
from ganzoo.pretrained.sources import Folder, Registered, Source
from ganzoo.training.command import command_of
from ganzoo.training.plan import Plan, read_entries
from ganzoo.utils.names import short_name, strip_path

__all__ = ["card_of"]


def card_of(source: Source, *, called: str = "", picture: str = "") -> Card:
    """Return the card of a model.

    `called` is the name that users will load the model by, if it is not that of `source`. The card then contains no
    path of this machine. `picture` is the path of the sample sheet, relative to the card.

    Raises:
        UnknownNameError: no loaded plugin provides the architecture.
        WeightsError: what describes the model cannot be read or downloaded.
    """
    info = source.info
    dataset = strip_path(info.dataset) if called else info.dataset
    return Card(
        title=source.name if isinstance(source, Registered) else short_name(called or source.name),
        name=called or source.name,
        task=info.subject.task,
        architecture=info.architecture,
        dataset=dataset,
        facts=facts_of(info.architecture, info.subject.config, dataset, info.config, depth=info.depth)
        | _facts_of_weights(source),
        license=info.license,
        plugin=info.plugin,
        summary=f"{info.summary.capitalize()}." if info.summary else "",
        example=example_of(info.subject.task, info.subject.config),
        install=install_command(source.weights, info.subject.config),
        picture=picture,
        training=_training_command(source.path) if isinstance(source, Folder) else "",
    )


def _facts_of_weights(source: Source) -> dict[str, str]:
    """The rows of the table about the weights. Only plugins state a license."""
    license_row = {"license": source.info.license or "not stated"} if isinstance(source, Registered) else {}
    return {**license_row, "weights": _location(source), "sha256": f"`{source.info.sha256}`"}


def _location(source: Source) -> str:
    """Where the weights are, in Markdown."""
    weights = source.weights
    if isinstance(weights, Path):
        return f"`{weights.name}`"
    if isinstance(weights, BundledFile):
        return f"bundled, {source.fetch().stat().st_size:,} bytes"
    if isinstance(weights, PackageFile):
        return f"`{weights.location}` of the package `{weights.distribution}` {weights.version}"
    return f"`{weights.repo}` at `{weights.revision}`, `{weights.filename}`"


def _training_command(run: Path) -> str:
    """The command that trained the model of a run's folder; empty if the folder does not tell."""
    path = run / "run.json"
    if not path.exists():
        return ""
    try:
        plan = Plan(**read_entries(path))
    except (TypeError, ValueError, AttributeError, UsageError) as error:
        raise RunError(f"{path} is damaged ({one_line(error)}) - restore it, or move it out of the folder") from error
    plan = replace(plan, init=strip_path(plan.init) if plan.init else None)
    return command_of(plan, "run", data=strip_path(plan.data))
