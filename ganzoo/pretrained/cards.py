"""Model cards: facts from the registry, a folder or a run, the rest for a person to write."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.interface.configs import Config
from ganzoo.interface.tasks import Task

__all__ = ["STUB", "UNWRITTEN", "Card", "facts_of", "is_stub", "usage"]

STUB = "<!-- stub -->"
"""The mark of a card that nobody has worked on: the run may write it anew."""

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
    `evaluation` the section that `report.markdown` makes of an evaluation, `stub` whether the run may write it
    anew.
    """

    title: str
    name: str
    task: type[Task]
    architecture: str
    dataset: str
    facts: Mapping[str, str]
    license: str | None = None
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
            license=self.license or "unknown",
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


def facts_of(architecture: str, config: Config, dataset: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The rows of a card about the network. `values` are the fields of the `config` that the model states."""
    channels, height, width = config.image_shape
    colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    any_size = "; any other size is padded and cropped back" if hasattr(config, "size_multiple") else ""
    return {
        "architecture": f"`{architecture}`",
        "images": f"{height}x{width}, {colours}{any_size}",
        "data set": dataset,
        "config": f"`{json.dumps(dict(values))}`",
    }


def _rows(facts: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in facts.items())


def is_stub(card: str) -> bool:
    """Whether nobody has worked on a card."""
    return STUB in card
