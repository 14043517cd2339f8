"""Publish the model of a run or a folder to the Hub, in one commit, and make the record that pins it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganzoo.errors import InvalidRequestError, OutputError, PublishError, one_line
from ganzoo.hub import references
from ganzoo.hub.errors import explain_upload_error
from ganzoo.hub.references import Reference
from ganzoo.interface.specs import PretrainedModel
from ganzoo.interface.tasks import Task
from ganzoo.interface.weights_files import HubFile
from ganzoo.pretrained.cards import UNWRITTEN, is_stub
from ganzoo.pretrained.load import load_from
from ganzoo.pretrained.sources import Folder
from ganzoo.sharing.card import card_of
from ganzoo.utils.files import atomic_write, check_writable, read_text
from ganzoo.utils.names import HUB, strip_path
from ganzoo.utils.version import __version__
from ganzoo.weights.folder import CONFIG, DISCRIMINATOR, WEIGHTS, Description, read_description, write_folder

if TYPE_CHECKING:
    from torch import Tensor

    from ganzoo.sampling.model import Model

__all__ = ["Prepared", "as_source", "check_login", "check_repository", "prepare", "record_of", "upload"]

CARD = "README.md"
SHEET = "sheet.png"
FOLDER = "published"
"""The folder inside the run's folder where the files to upload are written first."""

_PART = re.compile(r"[a-zA-Z0-9](?:[\w.-]{0,94}[a-zA-Z0-9])?")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^):]+)\)")


class Prepared(NamedTuple):
    """A folder that is ready for the Hub.

    `files` are the names of the files to upload. `license` and `summary` are what the card states. `unfinished` tells
    whether the card has parts that a person still has to write.
    """

    folder: Path
    files: tuple[str, ...]
    description: Description
    license: str | None
    summary: str
    unfinished: bool


def check_repository(repo: str) -> None:
    """Refuse a name that the Hub does not accept for a repository.

    Raises:
        InvalidRequestError: `repo` is not ``owner/name``.
    """
    owner, _, name = repo.partition("/")
    if not all(_PART.fullmatch(part) and "--" not in part and ".." not in part for part in (owner, name)):
        raise InvalidRequestError(
            f"{repo!r} is not the name of a repository - write OWNER/NAME, such as someone/clothes"
        )


def check_login() -> None:
    """Refuse to publish without a login.

    Raises:
        PublishError: no token of the Hub is set.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        raise PublishError("you are not logged in - log in with `hf auth login`, or set HF_TOKEN")


def prepare(source: Folder, repo: str, *, card: Path | None = None, with_discriminator: bool = False) -> Prepared:
    """Write the files to upload into the folder ``published`` of a run: config, weights, card and pictures.

    The card is the file `card`, or else the run's own card if a person has edited it, or else a new card with the
    facts and a sample sheet. The model is loaded to make sure that it works. The files contain no path of this
    machine: a data set that is a folder is named by the last part of its path. `with_discriminator` writes another
    file, from which ``train --init`` starts the discriminator.

    Raises:
        InvalidRequestError: `repo` is not the name of a repository, or the card cannot be used. Or there is no
            discriminator.
        UnknownNameError: no loaded plugin provides the architecture.
        WeightsError: the model is damaged.
        OutputError: the folder cannot be written.
    """
    check_repository(repo)
    task = source.info.subject.task
    text, folder = _written_card(source.path, card)
    if text:
        _check_card(text, task, folder)
    target = source.path / FOLDER
    check_writable(target)
    discriminator = _discriminator_of(source) if with_discriminator else {}
    model = load_from(source)
    _write_model(source, target, discriminator)
    if not text:
        text, folder = _own_card(model, source, target, repo, with_discriminator=with_discriminator), target
    _check_card(text, task, folder)
    pictures = _copy_pictures(text, folder, target)
    with atomic_write(target / CARD) as temporary:
        temporary.write_text(text)
    weights = (WEIGHTS, DISCRIMINATOR) if with_discriminator else (WEIGHTS,)
    return Prepared(target, (CONFIG, *weights, CARD, *pictures), read_description(target), *_stated(text))


def upload(prepared: Prepared, repo: str, *, private: bool = False) -> HubFile:
    """Upload a prepared folder in one commit. Returns the weights as the Hub has them, pinned to that commit.

    Raises:
        PublishError: nobody is logged in, the Hub refuses the upload or cannot be reached, or the Hub has other
            weights than those that were sent.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_login()
    api = HfApi(library_name="ganzoo", library_version=__version__)
    try:
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo, timeout=10).private:
            raise PublishError(
                f"{repo} already exists and is public - make it private on its Hub page, or choose another name"
            )
        operations = [CommitOperationAdd(name, prepared.folder / name) for name in prepared.files]
        commit = api.create_commit(
            repo, operations, commit_message=f"{repo.partition('/')[2]}, by ganzoo {__version__}"
        )
    except PublishError:
        raise
    except Exception as error:  # the client also raises errors of httpx2, of YAML and of the operating system
        raise explain_upload_error(error, repo) from error
    return _confirmed(prepared, repo, commit.oid)


def record_of(prepared: Prepared, weights: HubFile) -> PretrainedModel:
    """Return the record that a plugin declares to give the model a registered name.

    The name is made from that of the repository, or else from that of the data set.
    """
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
        depth=described.depth,
    )


def as_source(record: PretrainedModel) -> str:
    """Return a record with weights on the Hub as Python source, for a plugin that declares it."""
    names = ("repo", "revision", "filename", "sha256", "size")
    weights = "".join(f"        {name}={_literal(getattr(record.weights, name))},\n" for name in names)
    stated = ("name", "architecture", "summary", "dataset", "license")
    lines = [f"    {name}={_literal(getattr(record, name))},\n" for name in stated]
    config = "".join(f"        {_literal(name)}: {_literal(value)},\n" for name, value in record.config.items())
    lines += [f"    weights=HubFile(\n{weights}    ),\n", f"    config={{\n{config}    }},\n"]
    lines += [f"    classes={record.classes!r},\n"] if record.classes else []
    lines += [f"    depth={record.depth},\n"] if record.depth > 8 else []
    return f"PretrainedModel(\n{''.join(lines)})"


def _discriminator_of(source: Folder) -> Mapping[str, Tensor]:
    """The tensors that only training needs: those of a run's newest checkpoint, or those of a published folder.

    Raises:
        InvalidRequestError: there are none.
    """
    from ganzoo.training.start import read_start

    start = read_start(str(source.path.resolve()))
    found = {name: tensor for name, tensor in start.networks.items() if name not in start.average}
    if not found:
        text = f"{source} holds no discriminator - name the folder of a run, or leave out --with-discriminator"
        raise InvalidRequestError(text)
    return found


def _write_model(source: Folder, target: Path, discriminator: Mapping[str, Tensor]) -> None:
    """Write config and weights into the folder `target`, without the path of the data set."""
    info = source.info
    config, tensors = source.read(source.fetch())
    described = Description(
        info.architecture, config, strip_path(info.dataset), info.classes, plugin=info.plugin, depth=info.depth
    )
    write_folder(target, tensors, described, discriminator=discriminator)


def _written_card(source: Path, card: Path | None) -> tuple[str, Path]:
    """The card that a person has written, and the folder of its pictures. The text is empty if there is none."""
    path = card or source / CARD
    try:
        text = read_text(path)
    except (OSError, UnicodeError) as error:
        if card is None:
            return "", source
        raise InvalidRequestError(f"the card {card} cannot be read: {one_line(error)} - check --card") from error
    return ("" if card is None and is_stub(text) else text), path.parent


def _own_card(model: Model, source: Folder, target: Path, repo: str, *, with_discriminator: bool) -> str:
    """A new card with the facts of the model. Its sample sheet is drawn into the folder `target`."""
    from ganzoo.sharing.sheet import draw_sheet

    drawn = draw_sheet(model, target / SHEET, newest=source.path / "samples")
    card = card_of(source, called=f"{HUB}{repo}", picture=SHEET if drawn else "")
    if with_discriminator:
        start = f"ganzoo train {card.architecture} --data FOLDER --init {card.name} -o RUN"
        facts = {**card.facts, "discriminator": f"`{DISCRIMINATOR}`; fine-tune both networks with `{start}`"}
        card = replace(card, facts=facts)
    return card.render()


def _check_card(text: str, task: type[Task], folder: Path) -> None:
    """Refuse a card that the Hub would misread, or that shows a picture which is not in its folder.

    Raises:
        InvalidRequestError: the message says what is wrong with the card.
    """
    try:
        front = _front_matter(text)
    except Exception as error:  # YAML and the Hub's client raise many kinds for wrong front matter
        text = f"the card's front matter cannot be read: {one_line(error)}"
        raise InvalidRequestError(f"{text} - correct the YAML between the lines of ---") from error
    wanted = {"library_name": "ganzoo", "pipeline_tag": task.pipeline_tag}
    wrong = [f"{name}: {value}" for name, value in wanted.items() if front.get(name) != value]
    wrong += (
        [] if isinstance(front.get("license"), str) else ["license: (an identifier from the Hub's list, or unknown)"]
    )
    if wrong:
        raise InvalidRequestError(
            f"the card's front matter lacks {'; '.join(wrong)} - write it between the lines of ---"
        )
    for picture in _PICTURE.findall(text):
        if Path(picture).is_absolute() or ".." in Path(picture).parts or not (folder / picture).is_file():
            text = f"the card shows {picture}, which is not a file in the card's folder"
            raise InvalidRequestError(f"{text} - put the picture there, and use a relative path")


def _front_matter(text: str) -> dict[str, Any]:
    from huggingface_hub import ModelCard

    data: Any = ModelCard(text).data if text.startswith("---") else {}
    return dict(data.to_dict() if data else {})


def _copy_pictures(text: str, source: Path, target: Path) -> Sequence[str]:
    """Copy the pictures that a card shows into the folder `target`. Returns their paths inside it."""
    pictures = tuple(dict.fromkeys(_PICTURE.findall(text)))
    try:
        for picture in pictures if source != target else ():
            (target / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / picture, target / picture)
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {one_line(error)}") from error
    return pictures


def _stated(text: str) -> tuple[str | None, str, bool]:
    """What a card states: its license, its summary, and whether a person still has to write parts of it.

    The summary is the first line of plain text.
    """
    license_name = _front_matter(text).get("license")
    lines = [line.strip() for line in text.split("---", 2)[-1].splitlines()]
    plain = [line for line in lines if line and not line.startswith(("#", "!", "|", "<", "`", UNWRITTEN))]
    summary = plain[0].rstrip(".") if plain else ""
    return (None if license_name == "unknown" else license_name), summary, UNWRITTEN in text


def _confirmed(prepared: Prepared, repo: str, commit: str) -> HubFile:
    """Ask the Hub for the weights of a commit, and compare them with those that were sent."""
    _, found = references.pinned_files(Reference(repo, commit))
    digest, size = prepared.description.sha256, (prepared.folder / WEIGHTS).stat().st_size
    if getattr(found, "sha256", digest) != digest or found.size != size:
        raise PublishError(
            f"{repo}@{commit} has other weights than those that were sent - delete that commit, and publish again"
        )
    return HubFile(repo=repo, revision=commit, filename=WEIGHTS, sha256=digest, size=size)


def _literal(value: Any) -> str:
    """A value as Python source."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # valid Python too, in the double quotes that formatters prefer
    return repr(tuple(value) if isinstance(value, list) else value)
