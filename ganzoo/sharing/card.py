"""The model card of any model: registered, in a folder, or on the Hub."""

from __future__ import annotations

import json
from dataclasses import replace

from ganzoo.hub import references
from ganzoo.interface.specs import PretrainedModel
from ganzoo.interface.weights_files import BundledFile
from ganzoo.pretrained import resolve
from ganzoo.pretrained.cards import Card, facts_of
from ganzoo.pretrained.load import weights_size
from ganzoo.registry import lookup
from ganzoo.training.command import command_of
from ganzoo.training.plan import Plan
from ganzoo.utils.files import expand_home
from ganzoo.utils.names import short_name, strip_path
from ganzoo.weights.folder import WEIGHTS

__all__ = ["card_of"]


def card_of(name: str, *, called: str = "", picture: str = "") -> Card:
    """The card of a model, by its registered name, its folder or its reference to the Hub.

    `called` is the name that users will load it by, if that is another; paths of this machine are left out then.

    Raises:
        As `subjects.subject_of`.
    """
    subject = resolve.subject_of(name)
    model = lookup.registry().models[name] if resolve.is_registered(name) else resolve.description_of(name)
    dataset = strip_path(model.dataset) if called else model.dataset
    return Card(
        title=short_name(called or name) if not isinstance(model, PretrainedModel) else name,
        name=called or name,
        task=subject.task,
        architecture=model.architecture,
        dataset=dataset,
        facts=facts_of(model.architecture, subject.config, dataset, model.config) | _weights(name),
        license=getattr(model, "license", None),
        plugin=lookup.provider_of(model.architecture),
        summary=getattr(model, "summary", "").capitalize() + ("." if getattr(model, "summary", "") else ""),
        picture=picture,
        training=_training(name) if resolve.is_folder(name) else "",
    )


def _weights(name: str) -> dict[str, str]:
    """Where the weights are, and their digest."""
    if not resolve.is_registered(name):
        sha256 = resolve.description_of(name).sha256
        repo, revision = references.parse(name) if references.is_reference(name) else ("", "")
        place = f"`{repo}` at `{revision}`, `{WEIGHTS}`" if repo else f"`{WEIGHTS}`"
        return {"weights": place, "sha256": f"`{sha256}`"}
    model = lookup.registry().models[name]
    weights = model.weights
    place = (
        f"bundled, {weights_size(model):,} bytes"
        if isinstance(weights, BundledFile)
        else f"`{weights.repo}` at `{weights.revision}`, `{weights.filename}`"
    )
    return {"license": model.license or "not stated", "weights": place, "sha256": f"`{weights.sha256}`"}


def _training(folder: str) -> str:
    """The command that trained what is in a run's folder; empty where it is not known."""
    path = expand_home(folder) / "run.json"
    if not path.is_file():
        return ""
    plan = Plan(**json.loads(path.read_text()))
    plan = replace(plan, init=strip_path(plan.init) if plan.init else None)
    return command_of(plan, "run", data=strip_path(plan.data))
