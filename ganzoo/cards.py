"""Model cards: facts from the registry, a folder or a run, the rest for a person to write."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo import loading, remote, subjects, zoo
from ganzoo.files import expanded
from ganzoo.names import short_name
from ganzoo.plans import Plan, make_plan
from ganzoo.published import WEIGHTS
from ganzoo.specs import BundledFile, PretrainedModel
from ganzoo.tasks import Task

if TYPE_CHECKING:
    from ganzoo.trainer import Trainer

__all__ = ["UNWRITTEN", "Card", "card_of", "command_of", "is_stub", "public_name", "render_card", "usage"]

STUB = "<!-- stub -->"
"""The mark of a card that nobody has worked on: the run may write it anew."""

_PLAIN = (
    "loss",
    "iterations",
    "batch_size",
    "accumulate",
    "seed",
    "ema",
    "precision",
    "schedule",
    "regularize_every",
    "crop",
    "limit",
    "init",
)
"""The options that are written as ``--name value``."""

UNWRITTEN = "To be written"
"""How what a person has to write begins."""

_SUMMARY = f"{UNWRITTEN}: what it makes, and for whom."

_BODY = """{mark}# {title}

{summary}
{sheet}
| fact | value |
|---|---|
{rows}

## Use

```bash
{command}
```

```python
import ganzoo

model = ganzoo.load({name})
{call}
```
{training}{evaluation}
## Limits

To be written: what it cannot do, and what it does badly.
"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a card says. `name` is what `ganzoo.load` takes, `facts` are the rows of its table.

    `picture` is the sheet's path from where the card lies, `training` the command that trained it,
    `evaluation` the section that `ganzoo.reports.markdown` makes of an evaluation, `stub` whether the run may write it
    anew.
    """

    title: str
    name: str
    task: type[Task]
    architecture: str
    dataset: str
    facts: Mapping[str, str]
    licence: str | None = None
    plugin: str = ""
    summary: str = ""
    picture: str = ""
    training: str = ""
    evaluation: str = ""
    stub: bool = False

    def render(self) -> str:
        """The card in Markdown, its front matter as the Hub reads it."""
        from huggingface_hub import ModelCardData

        front = ModelCardData(
            license=self.licence or "unknown",
            library_name="ganzoo",
            pipeline_tag=self.task.pipeline_tag,
            datasets=[self.dataset],
            tags=["gan", self.architecture],
        )
        option, call = usage(self.task)
        body = _BODY.format(
            mark=f"{STUB}\n" if self.stub else "",
            title=self.title,
            summary=f"{self.summary or _SUMMARY}{self._hint}",
            sheet=f"\n![64 samples at seed 0]({self.picture})\n" if self.picture else "",
            rows=_rows(self.facts),
            command=f"ganzoo sample {shlex.quote(self.name)}{option}",
            name=json.dumps(self.name),
            call=f"pictures = model.{call}",
            training=f"\n## Training\n\n```bash\n{self.training}\n```\n" if self.training else "",
            evaluation=f"\n{self.evaluation}" if self.evaluation else "",
        )
        return f"---\n{front.to_yaml()}\n---\n{body}"

    @property
    def _hint(self) -> str:
        needs = f"\n\nIt needs the plugin `{self.plugin}`, which provides its architecture." if self.plugin else ""
        return needs + (' (Remove the line with "stub" above, or this card is written anew.)' if self.stub else "")


def usage(task: type[Task]) -> tuple[str, str]:
    """The rest of the command, and the call, that show what a model of this task makes."""
    return (" --input photo.jpg", 'translate("photo.jpg")') if task.from_images else ("", "images(8)")


def render_card(trainer: Trainer) -> str:
    """A card for what the run has so far."""
    plan = trainer.plan
    facts = {
        **_facts(plan.architecture, trainer.config, plan.data, plan.config),
        "data set": f"{plan.data}, {len(trainer.data):,} images",
        "loss": trainer.loss_name,
        "iterations": f"{trainer.step:,}",
        "seed": str(plan.seed),
    }
    card = Card(
        title=trainer.folder.resolve().name,
        name=str(trainer.folder) if str(trainer.folder).startswith((".", "/")) else f"./{trainer.folder}",
        task=trainer.task,
        architecture=plan.architecture,
        dataset=plan.data,
        facts=facts,
        plugin=zoo.provider_of(plan.architecture),
        picture=f"samples/{trainer.step:08d}.png",
        training=command_of(plan, str(trainer.folder)),
        stub=True,
    )
    return card.render()


def card_of(name: str, *, called: str = "", picture: str = "") -> Card:
    """The card of a model, by its registered name, its folder or its reference to the Hub.

    `called` is the name that users will load it by, if that is another; paths of this machine are left out then.

    Raises:
        As `subjects.subject_of`.
    """
    subject = subjects.subject_of(name)
    model = zoo.registry().models[name] if subjects.is_registered(name) else subjects.description_of(name)
    dataset = public_name(model.dataset) if called else model.dataset
    return Card(
        title=short_name(called or name) if not isinstance(model, PretrainedModel) else name,
        name=called or name,
        task=subject.task,
        architecture=model.architecture,
        dataset=dataset,
        facts=_facts(model.architecture, subject.config, dataset, model.config) | _weights(name),
        licence=getattr(model, "licence", None),
        plugin=zoo.provider_of(model.architecture),
        summary=getattr(model, "summary", "").capitalize() + ("." if getattr(model, "summary", "") else ""),
        picture=picture,
        training=_training(name) if subjects.is_folder(name) else "",
    )


def is_stub(card: str) -> bool:
    """Whether nobody has worked on a card."""
    return STUB in card


def public_name(dataset: str) -> str:
    """A data set as others may read it: of a folder its last part, not where it lies on this machine."""
    return Path(dataset).name or dataset


def _facts(architecture: str, config: Any, dataset: str, values: Mapping[str, Any]) -> dict[str, str]:
    """`values` are the fields of the `config` that the model states."""
    channels, height, width = config.image_shape
    colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    any_size = "; any other size is padded and cropped back" if hasattr(config, "size_multiple") else ""
    return {
        "architecture": f"`{architecture}`",
        "images": f"{height}x{width}, {colours}{any_size}",
        "data set": dataset,
        "config": f"`{json.dumps(dict(values))}`",
    }


def _weights(name: str) -> dict[str, str]:
    """Where the weights are, and their digest."""
    if not subjects.is_registered(name):
        sha256 = subjects.description_of(name).sha256
        repo, revision = remote.parse(name) if remote.is_reference(name) else ("", "")
        place = f"`{repo}` at `{revision}`, `{WEIGHTS}`" if repo else f"`{WEIGHTS}`"
        return {"weights": place, "sha256": f"`{sha256}`"}
    model = zoo.registry().models[name]
    weights = model.weights
    place = (
        f"bundled, {loading.weights_size(model):,} bytes"
        if isinstance(weights, BundledFile)
        else f"`{weights.repo}` at `{weights.revision}`, `{weights.filename}`"
    )
    return {"licence": model.licence or "not stated", "weights": place, "sha256": f"`{weights.sha256}`"}


def _training(folder: str) -> str:
    """The command that trained what is in a run's folder; empty where it is not known."""
    path = expanded(folder) / "run.json"
    if not path.is_file():
        return ""
    plan = Plan(**json.loads(path.read_text()))
    plan = replace(plan, init=public_name(plan.init) if plan.init else None)
    return command_of(plan, "run", data=public_name(plan.data))


def _rows(facts: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in facts.items())


def command_of(plan: Plan, folder: str, *, data: str = "") -> str:
    """The command that computes what `plan` says: all that is not as the recipe or the defaults have it.

    `data` is written in place of the plan's.
    """
    usual = make_plan(plan.architecture, plan.data)
    words = ["ganzoo", "train", plan.architecture, "--data", data or plan.data]
    for name, value in plan.config.items():
        if name not in usual.config or usual.config[name] != value:
            words += ["--config", f"{name}={_text(value)}"]
    for name in _PLAIN:
        if getattr(plan, name) != getattr(usual, name):
            words += [f"--{name.replace('_', '-')}", str(getattr(plan, name))]
    if plan.regularizers != usual.regularizers:
        words += [word for name, weight in plan.regularizers.items() for word in ("--regularizer", f"{name}={weight}")]
    if plan.augmentations != usual.augmentations:
        words += [word for name in plan.augmentations for word in ("--augment", name)]
    if plan.mirror != usual.mirror:
        words += ["--mirror" if plan.mirror else "--no-mirror"]
    return shlex.join([*words, "-o", folder])


def _text(value: Any) -> str:
    """A config value as ``--config`` reads it."""
    return value if isinstance(value, str) else json.dumps(value)
