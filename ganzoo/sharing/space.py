"""The Space of a model: a page on the Hub that runs `ganzoo serve` for it. Written to a folder, and uploaded."""

from __future__ import annotations

import json
from pathlib import Path

from ganzoo.hub.errors import explain_upload_error
from ganzoo.hub.references import Reference
from ganzoo.interface.configs import requires_of
from ganzoo.registry import lookup
from ganzoo.sharing.publish import Prepared, check_login
from ganzoo.utils.files import atomic_write
from ganzoo.utils.version import __version__

__all__ = ["FOLDER", "upload_space", "write_space"]

FOLDER = "space"
"""The folder inside the run's folder where the files of the Space are written first."""

APP, REQUIREMENTS, CARD = "app.py", "requirements.txt", "README.md"

_APP = '''"""A page for {name}. `ganzoo publish --space` wrote it."""

from ganzoo.web.app import serve

serve([{name}], host="0.0.0.0", port=7860)
'''

_CARD = """---
title: {title}
emoji: 🖼️
colorFrom: blue
colorTo: gray
sdk: gradio
sdk_version: {sdk}
app_file: app.py
license: {license}
models: [{repo}]
tags: [ganzoo, gan]
---
# {heading}

This page shows the model [{repo}](https://huggingface.co/{repo}): samples, walks, and what else it can do.
"""

SDK = "6.31.0"
"""The version of gradio that a Space installs. The extra `web` accepts it."""


def write_space(folder: Path, prepared: Prepared, model: Reference) -> list[Path]:
    """Write app, requirements and card of the Space of a published model, and return their paths.

    The app loads the pinned commit of the model, so the Space shows what was published with it.
    """
    license_name = prepared.license or "unknown"
    title = model.repo.partition("/")[2]
    files = {
        APP: _APP.format(name=json.dumps(str(model))),
        REQUIREMENTS: "\n".join(_requirements(prepared)) + "\n",
        CARD: _CARD.format(
            title=json.dumps(title), sdk=SDK, license=json.dumps(license_name), repo=model.repo, heading=title
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text)
    return [folder / name for name in files]


def upload_space(folder: Path, repo: str, *, private: bool = False) -> str:
    """Upload the files of a Space in one commit. Returns the address of its page.

    Raises:
        PublishError: nobody is logged in, or the Hub refuses the upload or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants

    check_login()
    api = HfApi(library_name="ganzoo", library_version=__version__)
    operations = [CommitOperationAdd(name, folder / name) for name in (APP, REQUIREMENTS, CARD)]
    try:
        api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True)
        message = f"A page for {repo.partition('/')[2]}, by ganzoo {__version__}"
        api.create_commit(repo, operations, commit_message=message, repo_type="space")
    except Exception as error:  # the client also raises errors of httpx2 and of the operating system
        raise explain_upload_error(error, repo) from error
    return f"{constants.ENDPOINT}/spaces/{repo}"


def _requirements(prepared: Prepared) -> list[str]:
    """ganzoo in this version or later, the plugin that provides the architecture, and what else the model needs."""
    described = prepared.description
    config, _ = lookup.check_config(described.architecture, described.config)
    return [f"ganzoo[web]>={__version__}", *filter(None, [described.plugin]), *requires_of(config)]
