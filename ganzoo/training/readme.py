"""The model card of a run: what is known of it so far, the rest for a person to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.pretrained.cards import Card, facts_of
from ganzoo.registry import lookup
from ganzoo.training.command import command_of

if TYPE_CHECKING:
    from ganzoo.training.trainer import Trainer

__all__ = ["render_card"]


def render_card(trainer: Trainer) -> str:
    """A card for what the run has so far."""
    plan = trainer.plan
    facts = {
        **facts_of(plan.architecture, trainer.config, plan.data, plan.config),
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
        plugin=lookup.provider_of(plan.architecture),
        picture=f"samples/{trainer.step:08d}.png",
        training=command_of(plan, str(trainer.folder)),
        stub=True,
    )
    return card.render()
