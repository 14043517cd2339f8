"""Training on captions: what they add to a config, and their token ids."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganzoo.data.captions import FORM, Captions
from ganzoo.data.datasets import Data, Domains
from ganzoo.errors import DataError, WeightsError
from ganzoo.interface.configs import Config, as_text_config, tokenizer_of
from ganzoo.interface.tasks import Task
from ganzoo.interface.words import encode_text
from ganzoo.training.plan import Plan
from ganzoo.utils.image_folders import METADATA
from ganzoo.weights.folder import read_description

__all__ = ["changed_words", "no_captions", "text_settings", "with_token_ids"]

EXAMPLES = 16
"""The number of captions that a model remembers, to show itself with."""

MOST_BYTES = 800_000
"""The largest size of the vocabulary in JSON: it is part of a model's config, whose file is read up to 1 MB."""

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
    With a tokenizer of its own, a model reads any word, and needs no vocabulary.

    Raises:
        DataError: words of the captions are not in that vocabulary, or are too many for one.
        InvalidRequestError: an example in the plan's config has words that are not in the vocabulary.
    """
    if data.captions is None:
        return {}
    vocabulary = () if tokenizer_of(as_text_config(config)) else _vocabulary(plan, data.captions)
    known = as_text_config(dataclasses.replace(config, vocabulary=vocabulary))
    examples = tuple(plan.config.get("examples") or data.captions.examples(EXAMPLES, known))
    for text in examples:
        encode_text(text, known, of=f"the vocabulary of {plan.data}")
    return {"vocabulary": vocabulary, "examples": examples}


def _vocabulary(plan: Plan, captions: Captions) -> tuple[str, ...]:
    """The words of the captions, or of the plan's config.

    Raises:
        DataError: words of the captions are not in that of the config, or are too many for a config.
    """
    found = tuple(plan.config.get("vocabulary") or captions.vocabulary)
    _check_words(plan, missing=sorted({*captions.vocabulary} - {*found}))
    if len(json.dumps(found, indent=6)) > MOST_BYTES:
        text = f"the captions of {plan.data} have {len(found):,} different words, too many for the config of a model"
        raise DataError(f"{text} - leave out captions with rare words")
    return found


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
    longer = data.captions.too_long(known)
    parts = "parts of words" if tokenizer_of(known) else "words"
    notes = [f"{longer} captions were cut to {known.words} {parts}"] if longer else []
    return data.with_captions(data.captions.encoded(known), *notes)
