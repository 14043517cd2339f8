"""The text next to an exported file: what it is, its inputs, and how to run it without ganzoo."""

from __future__ import annotations

import json
import math
from pathlib import Path

from torch import Tensor

from ganzoo.interface.gan import Inputs
from ganzoo.interface.specs import ExportFormat
from ganzoo.pretrained.sources import Source
from ganzoo.sampling.interpolation import LATENT
from ganzoo.sampling.model import Model
from ganzoo.utils.text import printable
from ganzoo.utils.version import __version__

__all__ = ["SOURCE", "describe_file"]

SOURCE = "source_image"
"""The input of a file that translates. ``image`` is the output, and a file has no two tensors of one name."""

NOISE = "noise"
"""The input of a file that is noise of the layers."""

_TEXT = """# {title}

{summary}

| fact | value |
|---|---|
| model | `{name}`, exported by ganzoo {version} |
| sha256 of the weights | `{digest}` |
| license | {license} |
| output `image` | float32 (N, {channels}, H, W), values in [-1, 1] |
{rows}

N is any number of images.{sizes}

## How to run it without ganzoo

```python
{usage}
```
"""


def describe_file(
    source: Source, model: Model, path: Path, written: ExportFormat, inputs: Inputs, direction: str | None
) -> str:
    """The text for the file `path`, in Markdown. `inputs` are inputs of the file for two images."""
    info = source.info
    uniform = _is_uniform(model)
    translated = info.subject.direction(source.name, direction) if model.task.from_images else ""
    expressions = {name: _expression(name, value, uniform) for name, value in inputs.items()}
    arrays = ", ".join(f"{json.dumps(name)}: {expression}" for name, expression in expressions.items())
    usage = written.usage.replace("FILE", json.dumps(path.name)).replace("INPUTS", f"{{{arrays}}}")
    channels, height, width = model.image_shape
    sizes = "" if not model.task.from_images else _sizes(model)
    return _TEXT.format(
        title=printable(f"{source.model_name}{', ' + translated if translated else ''}, as {written.name}"),
        summary=printable(
            info.summary or f"A model of the architecture {info.architecture}, trained on {info.dataset}."
        ),
        name=printable(source.name),
        version=__version__,
        digest=info.sha256,
        license=printable(info.license or "not stated"),
        channels=channels,
        rows="\n".join(_row(name, value, uniform, model) for name, value in inputs.items()),
        sizes=sizes or f" Images have {height}x{width} pixels.",
        usage=usage,
    )


def _sizes(model: Model) -> str:
    multiple, least = model.config.size_multiple, model.config.minimum_size  # type: ignore[attr-defined]
    return f" Height and width are multiples of {multiple}, at least {least}; the translation has the same size."


def _row(name: str, value: Tensor, uniform: bool, model: Model) -> str:
    kind = str(value.dtype).removeprefix("torch.")
    shape = ["N", *map(str, value.shape[1:])]
    if name == SOURCE:
        shape, meaning = ["N", str(value.shape[1]), "H", "W"], "the images to translate, values in [-1, 1]"
    elif name == LATENT:
        meaning = "latents, uniform in [-1.732, 1.732)" if uniform else "latents, standard normal"
    elif name == "label":
        meaning = _classes(model.classes)
    elif name == "text" and model.task.needs_text:
        meaning = f"embeddings of texts, as `ganzoo.load({json.dumps(model.name)}).draw` returns them"
    elif name == "truncation":
        meaning = "the truncation; 1 is none"
    elif name == NOISE:
        meaning = "noise, standard normal"
    else:
        meaning = f"an input of the network, such as {value.flatten()[0].item():g}"
    return f"| input `{name}` | {kind} ({', '.join(shape)}{',' if len(shape) == 1 else ''}): {printable(meaning)} |"


def _classes(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"{i} {name}" for i, name in enumerate(names[:12]))
    return f"the class: {shown}{', ...' if len(names) > 12 else ''}" if names else "the number of the class"


def _expression(name: str, value: Tensor, uniform: bool) -> str:
    """NumPy code that makes this input for two images."""
    shape = tuple(value.shape)
    if name == "label":
        return f"np.array({value.tolist()})"
    if name == SOURCE or (name == LATENT and uniform):
        end = 1 if name == SOURCE else math.sqrt(3)
        return f'np.random.uniform({-end:.5g}, {end:.5g}, {shape}).astype("float32")'
    if name in (LATENT, NOISE):
        return f'np.random.standard_normal({shape}).astype("float32")'
    return f'np.full({shape}, {value.flatten()[0].item():g}, "float32")'


def _is_uniform(model: Model) -> bool:
    """Whether latents are uniform: of 200 standard normal numbers, some are nearly always beyond sqrt(3)."""
    if model.task.from_images:
        return False
    return bool(model.draw(200)[LATENT].abs().max() < math.sqrt(3))
