"""Search the Hub for the models that `ganzoo publish` uploaded. Each page of results is one request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any, NamedTuple

from ganzoo.errors import UnknownNameError
from ganzoo.hub.errors import explain_search_error
from ganzoo.hub.references import Reference, parse
from ganzoo.hub.retry import retried
from ganzoo.utils.names import HUB
from ganzoo.weights.folder import CONFIG, WEIGHTS

__all__ = ["LIBRARY", "Found", "search"]

LIBRARY = "ganzoo"
"""The library that the cards of published models name. The Hub makes a tag of it."""

API_SECONDS = 10.0
_FIELDS = ("downloads", "library_name", "siblings", "tags")


class Found(NamedTuple):
    """A model on the Hub: what the Hub says of it, which anybody may have written."""

    reference: Reference
    tags: tuple[str, ...]
    downloads: int

    @property
    def license(self) -> str | None:
        """The license that its card states."""
        return next((tag.removeprefix("license:") for tag in self.tags if tag.startswith("license:")), None)


def search(text: str = "", *, tags: Sequence[str] = (), limit: int = 50) -> list[Found]:
    """The first `limit` models whose names contain `text` and that have all `tags`, the most downloaded first.

    Only repositories with the two files of a published model are found. None of them is opened.

    Raises:
        PullError: the Hub cannot be asked.
    """
    wanted = {"filter": [LIBRARY, *tags], "sort": "downloads", "limit": limit, "expand": list(_FIELDS)}
    entries = _entries({**wanted, **({"search": text} if text else {})})
    try:
        return list(islice(filter(None, map(_found, entries)), limit))
    except Exception as error:  # the client may also raise errors of httpx2 and the system
        raise explain_search_error(error) from error


def _entries(parameters: dict[str, Any]) -> Iterator[Any]:
    """The entries of all pages. The next page is requested when the entries before it are used up."""
    from huggingface_hub import constants

    address = f"{constants.ENDPOINT}/api/models"
    page, following = retried(lambda: _ask(address, parameters))
    yield from page
    while following.startswith(f"{constants.ENDPOINT}/"):  # the token of the user goes nowhere else
        page, following = retried(lambda address=following: _ask(address, {}))  # type: ignore[misc]
        yield from page


def _ask(address: str, parameters: Mapping[str, Any]) -> tuple[list[Any], str]:
    """One page, and the address of the next one or an empty text."""
    client: Any = import_module("huggingface_hub.utils")  # it has no types
    headers = client.build_hf_headers(library_name=LIBRARY)
    answer = client.get_session().get(address, params=parameters or None, headers=headers, timeout=API_SECONDS)
    client.hf_raise_for_status(answer)
    page = answer.json()
    if not isinstance(page, list):
        raise ValueError("the answer is no list")
    return page, str(answer.links.get("next", {}).get("url", ""))


def _found(entry: Any) -> Found | None:
    """The model of an entry; None if it cannot be loaded, or is not ganzoo's."""
    try:
        files = {file["rfilename"] for file in entry["siblings"]}
        tags, owner = entry["tags"], entry["library_name"]
        reference = parse(f"{HUB}{entry['id']}")
        downloads = int(entry.get("downloads") or 0)
    except (UnknownNameError, KeyError, TypeError, ValueError, AttributeError):
        return None
    if owner != LIBRARY or not {CONFIG, WEIGHTS} <= files or reference.revision or not isinstance(tags, list):
        return None
    return Found(reference, tuple(map(str, tags)), downloads)
