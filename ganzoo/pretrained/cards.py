"""Model cards. The facts are filled in; the author of the model writes the rest."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.interface.configs import OF_TEXTS, Config, TextConfig, as_text_config, tokenizer_of
from ganzoo.interface.tasks import ClassConditional, ImageToImage, Task, TextConditional, Unconditional
from ganzoo.utils.names import name_on_hub
from ganzoo.utils.text import printable

__all__ = ["STUB", "UNWRITTEN", "Card", "architecture_in", "example_of", "facts_of", "image_form", "is_stub", "usage"]

STUB = "<!-- stub -->"
"""Marks a card that no person has edited. A run may replace such a card."""

UNWRITTEN = "To be written"
"""Each part that a person still has to write begins so."""

_GAN = "gan"
"""The tag before that of the architecture."""

_PIPELINE_TAGS = {task.pipeline_tag for task in (Unconditional, ClassConditional, ImageToImage, TextConditional)}

_SHOWN = 50
"""The most words that a card lists."""

_SUMMARY = f"{UNWRITTEN}: what the model generates, and what it is for."

_BODY = """{mark}# {title}

{summary}
{sheet}
| fact | value |
|---|---|
{rows}

## Use

```bash
{install}{command}
```

```python
import ganzoo

model = ganzoo.load({name})
{call}
```
{training}{evaluation}
## Limits

To be written: what the model cannot do, and what it does badly.
"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """The content of a model card.

    `name` is what `ganzoo.load` takes, and `facts` are the rows of the table. `example` is a text that the model can
    read, if it reads texts. `install` is the command that installs what it needs besides its plugin. `picture` is the
    path of the sample sheet, relative to the card. `training` is the command that trained the model. `evaluation` is
    the section that `report.markdown` writes. With `stub`, the card is marked as one that a run may replace.
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
    example: str = ""
    install: str = ""
    picture: str = ""
    training: str = ""
    evaluation: str = ""
    stub: bool = False

    def render(self) -> str:
        """Return the card in Markdown, with front matter that the Hub reads."""
        from huggingface_hub import ModelCardData

        front = ModelCardData(
            license=self.license or "unknown",
            library_name="ganzoo",
            pipeline_tag=self.task.pipeline_tag,
            datasets=[name_on_hub(self.dataset)],
            tags=[_GAN, self.architecture],
        )
        option, call = usage(self.task, self.example)
        body = _BODY.format(
            mark=f"{STUB}\n" if self.stub else "",
            title=printable(self.title),
            summary=f"{self.summary or _SUMMARY}{self._hint}",
            sheet=f"\n![64 samples at seed 0]({self.picture})\n" if self.picture else "",
            rows=_rows(self.facts),
            install=f"{self.install}\n" if self.install else "",
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
        return needs + (' (Remove the line with "stub" above, or the run replaces this card.)' if self.stub else "")


def architecture_in(tags: Sequence[str]) -> str | None:
    """The architecture that the tags of a card name; None if it was not written by `Card`.

    The Hub keeps their order. It puts tags of its own before and after them, those after them with a colon, and drops a
    tag that comes twice: so `gan` alone is the architecture of that name.
    """
    if _GAN not in tags:
        return None
    after = [tag for tag in tags[tags.index(_GAN) + 1 :] if tag not in _PIPELINE_TAGS]
    return after[0] if after and ":" not in after[0] else _GAN


def usage(task: type[Task], example: str = "") -> tuple[str, str]:
    """Return how to use a model of this task: the options of `ganzoo sample`, and the method call in Python.

    `example` is a text for a model that reads texts.
    """
    if task.from_images:
        return " --input photo.jpg", 'translate("photo.jpg")'
    if example:
        return f" --text {shlex.quote(example)}", f"images(8, text={json.dumps(example, ensure_ascii=False)})"
    return "", "images(8)"


def example_of(task: type[Task], config: Config) -> str:
    """A text that a model of this task can read; empty if it reads none."""
    return next(iter(as_text_config(config).examples), "") if task.needs_text else ""


def image_form(config: Config, depth: int) -> str:
    """The size, the colors and, if they are not 8, the bits of a model's images: ``64x64, gray, 16 bits``."""
    channels, height, width = config.image_shape
    colors = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
    return f"{height}x{width}, {colors}" + (f", {depth} bits" if depth > 8 else "")


def facts_of(
    architecture: str, config: Config, dataset: str, values: Mapping[str, Any], *, depth: int = 8
) -> dict[str, str]:
    """Return the rows of a card about the network. `values` are the fields of `config` that the model states."""
    any_size = "; any other size is padded and cropped back" if hasattr(config, "size_multiple") else ""
    reads = all(hasattr(config, name) for name in OF_TEXTS)
    stated = {name: value for name, value in values.items() if not (reads and name in OF_TEXTS)}
    return {
        "architecture": f"`{architecture}`",
        "images": f"{image_form(config, depth)}{any_size}",
        **({"texts": _texts(as_text_config(config))} if reads else {}),
        "data set": dataset,
        "config": f"`{json.dumps(stated)}`",
    }


def _texts(config: TextConfig) -> str:
    """What a model can read."""
    if tokenizer_of(config):
        return f"any, of at most {config.words} words or parts of words"
    known, count = config.vocabulary, len(config.vocabulary)
    shown = ", ".join(known[:_SHOWN]) + (", ... (`ganzoo info` lists them)" if count > _SHOWN else "")
    return f"at most {config.words} words, of these {count}: {shown}"


def _rows(facts: Mapping[str, str]) -> str:
    return "\n".join(f"| {name} | {printable(value)} |" for name, value in facts.items())


def is_stub(card: str) -> bool:
    """Whether a card is one that no person has edited."""
    return STUB in card
