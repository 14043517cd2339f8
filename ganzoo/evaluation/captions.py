"""The captions of real images that a model can read."""

from __future__ import annotations

from ganzoo.data.captions import Captions
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.words import caption_ids
from ganzoo.sampling.model import Model

__all__ = ["readable_captions"]


def readable_captions(captions: Captions, model: Model, *, of: str) -> tuple[Captions, tuple[str, ...]]:
    """The captions that the model can read, without pictures that have none, and a note if some are left out.

    `of` is the name of the real images.

    Raises:
        InvalidRequestError: the model can read none of them; the message is that of the first.
    """
    kept, problems, count = [], [], 0
    for texts in captions.texts:
        found = {text: _problem(text, model) for text in texts}
        count += len(texts)
        problems += [problem for problem in found.values() if problem]
        if readable := tuple(text for text, problem in found.items() if not problem):
            kept.append(readable)
    if not kept:
        raise InvalidRequestError(f"{of} has no caption that {model.name} can read: {problems[0]}")
    if not problems:
        return captions, ()
    note = f"{of}: {len(problems):,} of {count:,} captions were left out, which {model.name} cannot read"
    return Captions(tuple(kept)), (f"{note}: {problems[0]}",)


def _problem(text: str, model: Model) -> str:
    """Why the model cannot read a text, of which only as many words count as it reads; empty if it can."""
    try:
        caption_ids(text, as_text_config(model.config))
    except InvalidRequestError as error:
        return str(error)
    return ""
