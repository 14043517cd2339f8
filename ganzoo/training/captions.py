"""Training on captions: what they add to a config, and their token ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzoo.data.captions import FORM
from ganzoo.data.datasets import Data, Domains
from ganzoo.errors import DataError, WeightsError
from ganzoo.interface.configs import Config, as_text_config
from ganzoo.interface.tasks import Task
from ganzoo.interface.words import encode_text
from ganzoo.training.plan import Plan
from ganzoo.utils.image_folders import METADATA
from ganzoo.weights.folder import read_description

__all__ = ["changed_words", "no_captions", "text_settings", "with_token_ids"]

EXAMPLES = 16
"""The number of captions that a model remembers, to show itself with."""

MOST_NAMED = 8
"""The most words that a message lists."""


def no_captions(plan: Plan, task: type[Task]) -> DataError:
    """The error that the plan's data has no captions, and what to do."""
    return DataError(
        f"{plan.architecture} is {task.name}, and {plan.data} has no captions - "
        f"put {METADATA} into a folder of pictures, with a line {FORM} for each"
    )


def text_settings(plan: Plan, data: Data | Domains, config: Config) -> dict[str, Any]:
    """The vocabulary of the captions and a few of them, as fields of the config; empty for data without captions.

    A vocabulary in the plan's config stays, if it has all words of the captions: so does that of a model to start from.

    Raises:
        DataError: Words of the captions are not in that vocabulary.
        InvalidRequestError: An example in the plan's config has words that are not in the vocabulary.
    """
    if data.captions is None:
        return {}
    words = as_text_config(config).words
    vocabulary = tuple(plan.config.get("vocabulary") or data.captions.vocabulary)
    _check_words(plan, missing=sorted({*data.captions.vocabulary} - {*vocabulary}))
    examples = tuple(plan.config.get("examples") or data.captions.examples(EXAMPLES, words))
    for text in examples:
        encode_text(text, vocabulary, words, of=f"the vocabulary of {plan.data}")
    return {"vocabulary": vocabulary, "examples": examples}


def _check_words(plan: Plan, *, missing: list[str]) -> None:
    if missing:
        remedy = "change the captions, or train without --init" if plan.init else "leave vocabulary out of the config"
        whose = plan.init or "the config"
        raise DataError(
            f"{plan.data} has words that are not in the vocabulary of {whose}: {_listed(missing)} - {remedy}"
        )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:MOST_NAMED]) + (", ..." if len(words) > MOST_NAMED else "")


def changed_words(folder: Path, config: Config) -> str:
    """The words that the captions have and the model in `folder` does not know, or the other way around, for an error.

    The text is empty if there are none, or if no model was written there yet.
    """
    try:
        then = set(read_description(folder).config.get("vocabulary", ()))
    except WeightsError:
        return ""
    now = set(getattr(config, "vocabulary", ()))
    changes = {"new words": sorted(now - then), "missing words": sorted(then - now)}
    parts = [f"{what} {_listed(words)}" for what, words in changes.items() if words]
    return f" ({'; '.join(parts)})" if parts else ""


def with_token_ids(data: Data | Domains, config: Config) -> Data | Domains:
    """The data with the token ids of its captions, if it has any. A note says how many are too long."""
    if isinstance(data, Domains) or data.captions is None:
        return data
    known = as_text_config(config)
    longer = data.captions.longer_than(known.words)
    notes = [f"{longer} captions were cut to {known.words} words"] if longer else []
    return data.with_captions(data.captions.encoded(known.vocabulary, known.words), *notes)
