"""Publishing: a run or folder becomes a repository of the Hub, in one commit, and a record that pins it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import InvalidRequestError, OutputError, PublishError, one_line
from ganzoo.hub import references
from ganzoo.hub.errors import explain_upload_error
from ganzoo.interface.specs import PretrainedModel
from ganzoo.interface.tasks import Task
from ganzoo.interface.weights_files import HubFile
from ganzoo.pretrained import resolve
from ganzoo.pretrained.cards import UNWRITTEN, is_stub
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.sharing.card import card_of
from ganzoo.utils.files import atomic_write, check_writable
from ganzoo.utils.names import HUB, strip_path
from ganzoo.utils.version import __version__
from ganzoo.weights.folder import CONFIG, WEIGHTS, Description, read_description, write_folder
from ganzoo.weights.tensors import read_tensors

__all__ = ["Prepared", "as_source", "check_login", "check_repository", "prepare", "record_of", "upload"]

CARD = "README.md"
SHEET = "sheet.png"
FOLDER = "published"
"""Of a run's folder: what is uploaded is written there first."""

_PART = re.compile(r"[a-zA-Z0-9](?:[\w.-]{0,94}[a-zA-Z0-9])?")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^):]+)\)")


class Prepared(NamedTuple):
    """A folder that is ready for the Hub: the files of it that are uploaded, and what they say.

    `unfinished` says whether the card has parts that are still to be written.
    """

    folder: Path
    files: tuple[str, ...]
    description: Description
    license: str | None
    summary: str
    unfinished: bool


def check_repository(repo: str) -> None:
    """Refuse what the Hub would not call a repository.

    Raises:
        InvalidRequestError: it is not ``owner/name``.
    """
    owner, _, name = repo.partition("/")
    if not all(_PART.fullmatch(part) and "--" not in part and ".." not in part for part in (owner, name)):
        raise InvalidRequestError(f"{repo!r} is no owner/name of a repository - write it as someone/clothes")


def check_login() -> None:
    """Refuse to publish for nobody.

    Raises:
        PublishError: there is no token.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        raise PublishError("you are not logged in - log in with `hf auth login`, or set HF_TOKEN")


def prepare(run: str | Path, repo: str, *, card: Path | None = None) -> Prepared:
    """Write what is to be uploaded into ``published`` in the run's folder: description, weights, card and pictures.

    The card is the file `card`, else the run's own if somebody has worked on it, else one of facts, with a
    sheet. The model is loaded to see that it can be. Paths of this machine stay here: of a data set that is
    a folder only its name is told.

    Raises:
        InvalidRequestError: `repo` is no name of a repository, or the card cannot be used.
        UnknownNameError: there is no such folder, or no plugin provides its architecture.
        WeightsError: the model is damaged.
        OutputError: the folder cannot be written.
    """
    check_repository(repo)
    source = resolve.folder_of(run)
    task = resolve.subject_of(source).task
    text, beside = _written_card(source, card)
    if text:
        _check_card(text, task, beside)
    target = source / FOLDER
    check_writable(target)
    model = load(source)
    description = resolve.description_of(source)
    shared = description._replace(
        dataset=strip_path(description.dataset), plugin=lookup.provider_of(description.architecture)
    )
    write_folder(target, read_tensors(source / WEIGHTS, sha256=description.sha256), shared)
    if not text:
        text, beside = _own_card(model, source, target, repo), target
    _check_card(text, task, beside)
    pictures = _copy_pictures(text, beside, target)
    with atomic_write(target / CARD) as temporary:
        temporary.write_text(text)
    return Prepared(target, (CONFIG, WEIGHTS, CARD, *pictures), read_description(target), *_told(text))


def upload(prepared: Prepared, repo: str, *, private: bool = False) -> HubFile:
    """Upload a prepared folder in one commit, ask the Hub what it has now, and pin it.

    Raises:
        PublishError: nobody is logged in, the Hub refuses or cannot be reached, or it has other bytes than were sent.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_login()
    api = HfApi(library_name="ganzoo", library_version=__version__)
    try:
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo, timeout=10).private:
            raise PublishError(
                f"{repo} is there already, and public - make it private on its Hub page, or name another"
            )
        operations = [CommitOperationAdd(name, prepared.folder / name) for name in prepared.files]
        commit = api.create_commit(
            repo, operations, commit_message=f"{repo.partition('/')[2]}, by ganzoo {__version__}"
        )
    except PublishError:
        raise
    except Exception as error:  # the client lets errors of httpx2, of yaml and of the OS escape
        raise explain_upload_error(error, repo) from error
    return _confirmed(prepared, repo, commit.oid)


def record_of(prepared: Prepared, weights: HubFile) -> PretrainedModel:
    """What a plugin declares to offer the model by a name of its own: the repository's, or else the data set's."""
    described = prepared.description
    wanted = (weights.repo.partition("/")[2], described.dataset, "model")
    slugs = (re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") for text in wanted)
    slug = next(slug for slug in slugs if slug)
    return PretrainedModel(
        name=slug if slug.startswith(f"{described.architecture}-") else f"{described.architecture}-{slug}",
        architecture=described.architecture,
        summary=prepared.summary or f"trained on {described.dataset}",
        dataset=described.dataset,
        license=prepared.license,
        weights=weights,
        config=described.config,
        classes=described.classes,
    )


def as_source(record: PretrainedModel) -> str:
    """A record as Python, ready to be pasted into a plugin that imports HubFile and PretrainedModel."""
    pin = record.weights
    assert isinstance(pin, HubFile)  # noqa: S101 - what is published is on the Hub
    names = ("repo", "revision", "filename", "sha256", "size")
    weights = "".join(f"        {name}={_literal(getattr(pin, name))},\n" for name in names)
    told = {name: getattr(record, name) for name in ("name", "architecture", "summary", "dataset", "license")}
    lines = [f"    {name}={_literal(value)},\n" for name, value in told.items()]
    config = "".join(f"        {_literal(name)}: {_literal(value)},\n" for name, value in record.config.items())
    lines += [f"    weights=HubFile(\n{weights}    ),\n", f"    config={{\n{config}    }},\n"]
    lines += [f"    classes={record.classes!r},\n"] if record.classes else []
    return f"PretrainedModel(\n{''.join(lines)})"


def _written_card(source: Path, card: Path | None) -> tuple[str, Path]:
    """The card that somebody has written, and where its pictures are; empty where nobody has."""
    path = card or source / CARD
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        if card is None:
            return "", source
        raise InvalidRequestError(f"the card {card} cannot be read: {one_line(error)}") from error
    return ("" if card is None and is_stub(text) else text), path.parent


def _own_card(model: Any, source: Path, target: Path, repo: str) -> str:
    """A card of facts, its sheet drawn beside it."""
    from ganzoo.sharing.sheet import draw_sheet

    drawn = draw_sheet(model, target / SHEET, newest=source / "samples")
    return card_of(str(source.absolute()), called=f"{HUB}{repo}", picture=SHEET if drawn else "").render()


def _check_card(text: str, task: type[Task], beside: Path) -> None:
    """Refuse a card that the Hub would misread, or that shows what is not there.

    Raises:
        InvalidRequestError: says what is wrong with it.
    """
    try:
        front = _front_matter(text)
    except Exception as error:  # of yaml, or of the client: all that front matter can get wrong
        raise InvalidRequestError(f"the card's front matter cannot be read: {one_line(error)}") from error
    wanted = {"library_name": "ganzoo", "pipeline_tag": task.pipeline_tag}
    wrong = [f"{name}: {value}" for name, value in wanted.items() if front.get(name) != value]
    wrong += [] if isinstance(front.get("license"), str) else ["license: (a license of the Hub's list, or unknown)"]
    if wrong:
        raise InvalidRequestError(f"the card's front matter lacks {'; '.join(wrong)} - write it between lines of ---")
    for picture in _PICTURE.findall(text):
        if Path(picture).is_absolute() or ".." in Path(picture).parts or not (beside / picture).is_file():
            raise InvalidRequestError(f"the card shows {picture}, which is no file beside it")


def _front_matter(text: str) -> dict[str, Any]:
    from huggingface_hub import ModelCard

    data: Any = ModelCard(text).data if text.startswith("---") else {}
    return dict(data.to_dict() if data else {})


def _copy_pictures(text: str, source: Path, target: Path) -> Sequence[str]:
    """Bring the pictures that a card shows to where it will lie; their names."""
    pictures = tuple(dict.fromkeys(_PICTURE.findall(text)))
    try:
        for picture in pictures if source != target else ():
            (target / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / picture, target / picture)
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {one_line(error)}") from error
    return pictures


def _told(text: str) -> tuple[str | None, str, bool]:
    """The license and the summary that a card gives, the first line below its heading; whether parts are unwritten."""
    said = _front_matter(text).get("license")
    lines = [line.strip() for line in text.split("---", 2)[-1].splitlines()]
    plain = [line for line in lines if line and not line.startswith(("#", "!", "|", "<", "`", UNWRITTEN))]
    return (None if said == "unknown" else said), plain[0].rstrip(".") if plain else "", UNWRITTEN in text


def _confirmed(prepared: Prepared, repo: str, commit: str) -> HubFile:
    """The weights as the Hub has them in a commit."""
    _, found = references.pinned_files(f"{HUB}{repo}@{commit}")
    digest, size = prepared.description.sha256, (prepared.folder / WEIGHTS).stat().st_size
    if getattr(found, "sha256", digest) != digest or found.size != size:
        raise PublishError(f"{repo}@{commit} holds other weights than were sent - delete that commit, and try again")
    return HubFile(repo=repo, revision=commit, filename=WEIGHTS, sha256=digest, size=size)


def _literal(value: Any) -> str:
    """A value as Python source; a text of JSON is one of Python, in the double quotes that formatters write."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(tuple(value) if isinstance(value, list) else value)
