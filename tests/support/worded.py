"""A plugin with a small text-to-image GAN. `use_it` puts it into the registry of this process."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo import Batch, Inputs, Update
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.registry import lookup
from ganzoo.weights.folder import Description, write_folder

GANZOO_API = (2, 0)

WORDS = ("a", "all", "blue", "green", "red", "square")
"""The words of the captions that `write_captioned` writes."""

COLORS = ("red", "green", "blue")
"""The colors of the pictures that `write_captioned` draws, one for each channel."""


@dataclass(frozen=True)
class Config:
    """Sizes of the networks; `vocabulary` and `examples` come from the captions."""

    size: int = 8
    words: int = 6
    width: int = 8
    vocabulary: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (3, self.size, self.size)


class Embedding(nn.Module):
    """The mean of the words' vectors, (N, width)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.words = nn.Embedding(len(config.vocabulary) + 1, config.width, padding_idx=0)

    def forward(self, text: Tensor) -> Tensor:
        return self.words(text).sum(1) / (text > 0).sum(1, keepdim=True)


class Discriminator(nn.Module):
    """A score of images (N, C, H, W) beside the embeddings of their texts (N, width)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.pixels = nn.Linear(3 * config.size**2, config.width)
        self.score = nn.Linear(2 * config.width, 1)

    def forward(self, images: Tensor, embedding: Tensor) -> Tensor:
        return self.score(torch.cat([self.pixels(images.flatten(1)).relu(), embedding], 1))


class Worded(ganzoo.GAN):
    """Linear layers from a latent and an embedding of the text."""

    published = ("generator", "embedding")

    def __init__(self, config: Config, loss: Any) -> None:
        super().__init__()
        self.config, self.loss = config, loss
        self.embedding = Embedding(config)
        self.generator = nn.Linear(2 * config.width, 3 * config.size**2)
        self.discriminator = Discriminator(config)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        made = [*self.generator.parameters(), *self.embedding.parameters()]
        return {
            "generator": torch.optim.Adam(made, 2e-3),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), 2e-3),
        }

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        batch = next(batches)
        embedding = self.embedding(batch["text"])
        z = ganzoo.draw_latent("normal", len(embedding), self.config.width, device=self.device)
        fake = self.generate({"z": z, "text": embedding})
        given = embedding.detach()
        output = ganzoo.discriminate(lambda x: self.discriminator(x, given), batch["image"], fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
        with ganzoo.frozen(self.discriminator):
            yield Update("generator", {"adversarial": self.loss.generator(self.discriminator(fake, given))})

    def draw(self, request: ganzoo.Task, random: torch.Generator) -> Inputs:
        assert isinstance(request, ganzoo.TextConditional)
        text = ganzoo.draw_text(request.text, self.config, random)
        with torch.no_grad():
            embedding = self.embedding(text[None].to(self.device))[0].cpu()
        z = ganzoo.draw_latent("normal", self.config.width, random=random)
        return {"z": z * (request.truncation or 1), "text": embedding}

    def match_images(self, images: Tensor) -> Tensor:
        """Their mean colors."""
        return nn.functional.normalize(images.add(1.02).mean((2, 3)), dim=1)

    def match_texts(self, text: Tensor) -> Tensor:
        """The colors that they name."""
        names = ("", *self.config.vocabulary)
        colors = torch.tensor([[float(name == color) for color in COLORS] for name in names])
        return nn.functional.normalize(colors[text].sum(1) + 0.01, dim=1)

    def generate(self, inputs: Inputs) -> Tensor:
        images = torch.tanh(self.generator(torch.cat([inputs["z"], inputs["text"]], 1)))
        return images.view(-1, *self.config.image_shape)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterator[ganzoo.Architecture]:
    facts = {"summary": "paints what a text says", "paper": "none", "default_loss": "non-saturating"}
    yield ganzoo.Architecture(
        name="worded", task=ganzoo.TextConditional, config=Config, build=Worded, tiny={"size": 4, "width": 4}, **facts
    )


def use_it() -> None:
    """Put the plugin into the registry of this process; a fixture of all tests removes it afterwards."""
    lookup.registry().load("worded", "worded", lambda: sys.modules[__name__])


def write_model(folder: Path, *, right: bool = True, **settings: Any) -> str:
    """A model of plain pictures in the color that the text names, or, if it is not `right`, in the next color.

    Texts without a color are black.
    """
    config = Config(**{"vocabulary": WORDS, "examples": ("A red square.", "all blue"), "width": 3, **settings})
    gan = Worded(config, ganzoo.AdversarialLoss(torch.sub, torch.mean))
    with torch.no_grad():
        for parameter in gan.parameters():
            parameter.zero_()
        for channel, color in enumerate(COLORS):
            gan.embedding.words.weight[config.vocabulary.index(color) + 1, channel] = 20
            shown = channel if right else (channel + 1) % 3
            gan.generator.weight.view(3, -1, 6)[shown, :, 3 + channel] = 1
        gan.generator.bias.fill_(-2)
    tensors = {name: value for name, value in gan.state_dict().items() if not name.startswith("discriminator")}
    write_folder(folder, tensors, Description("worded", dataclasses.asdict(config), "squares"))
    return str(folder)


def write_captioned(folder: Path, count: int = 12) -> Path:
    """A folder of plain red, green and blue pictures, which ``metadata.jsonl`` describes."""
    folder.mkdir(parents=True)
    lines = []
    for i in range(count):
        image = torch.full((1, 3, 8, 8), -1.0)
        image[:, i % 3] = 1 - i / count
        save_picture(to_pictures(image)[0], folder / f"{i:03d}.png")
        color = COLORS[i % 3]
        texts = [f"A {color} square.", f"a square, all {color}"][: 1 + i % 2]
        lines.append(json.dumps({"file_name": f"{i:03d}.png", "text": texts if len(texts) > 1 else texts[0]}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder
