"""The model card of a run: the facts that are known so far. A person writes the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.interface.configs import install_of
from ganzoo.pretrained.cards import Card, example_of, facts_of
from ganzoo.registry import lookup
from ganzoo.training.command import command_of

if TYPE_CHECKING:
    from ganzoo.training.run import Run

__all__ = ["render_card"]


def render_card(run: Run) -> str:
    """The model card of a run, in Markdown, with the command that trains it."""
    plan = run.plan
    facts = {
        **facts_of(plan.architecture, run.config, plan.data, plan.config, depth=plan.depth),
        "data set": f"{plan.data}, {len(run.data):,} images",
        "loss": run.loss_name,
        "iterations": f"{run.step:,}",
        "seed": str(plan.seed),
    }
    card = Card(
        title=run.folder.resolve().name,
        name=str(run.folder) if str(run.folder).startswith((".", "/")) else f"./{run.folder}",
        task=run.task,
        architecture=plan.architecture,
        dataset=plan.data,
        facts=facts,
        plugin=lookup.provider_of(plan.architecture),
        example=example_of(run.task, run.config),
        install=install_of(run.config),
        picture=f"samples/{run.step:08d}.png",
        training=command_of(plan, str(run.folder)),
        stub=True,
    )
    return card.render()
