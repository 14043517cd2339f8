"""A plugin of an outsider, with a task of its own. `plugin_factory.install` declares it in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

import ganzoo

GANZOO_API = (2, 0)


@dataclass(frozen=True)
class Config:
    size: int = 8
    moods: tuple[str, ...] = ("calm", "wild")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (1, self.size, self.size)


class Painting(ganzoo.Task):
    """A picture in a mood."""

    name: ClassVar[str] = "painting"
    pipeline_tag: ClassVar[str] = "unconditional-image-generation"

    mood: str | None = None
    brightness: float | None = field(default=None, metadata={"range": (-1, 1)})
    negative: bool = False


class Painter(ganzoo.GAN):
    """One linear layer."""

    def __init__(self, config: Config, loss: Any) -> None:
        super().__init__()
        self.config, self.loss = config, loss
        self.generator = torch.nn.Linear(4, config.size**2)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def training_step(self, batches: Any) -> Iterator[Any]:
        yield from ()

    def draw(self, request: Any, random: torch.Generator) -> dict[str, torch.Tensor]:
        shift = {None: 0.0, "calm": -0.5, "wild": 0.5}[request.mood] + (request.brightness or 0.0)
        sign = -1.0 if request.negative else 1.0
        z = ganzoo.draw_latent("normal", 1, 4, random=random)
        return {"z": z, "shift": torch.tensor([[shift]]), "sign": torch.tensor([[sign]])}

    def generate(self, inputs: Any) -> torch.Tensor:
        images = torch.tanh(self.generator(inputs["z"]) + inputs["shift"]) * inputs["sign"]
        return images.view(-1, 1, self.config.size, self.config.size)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterator[ganzoo.Architecture]:
    facts = {"summary": "paints", "paper": "none", "default_loss": "non-saturating", "tiny": {"size": 8}}
    yield ganzoo.Architecture(name="painter", task=Painting, config=Config, build=Painter, **facts)
