"""Errors of the Hub's client as errors of ganzoo. The message is one line with the cause and what to do next."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

from ganzoo.errors import PublishError, PullError, one_line
from ganzoo.hub.pins import Pinned

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["explain_download_error", "explain_search_error", "explain_upload_error", "full_name", "is_incomplete"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_PLACE = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP}  # something else is in the place of a folder
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def full_name(file: Pinned) -> str:
    """How messages name a file: ``owner/repository/file``."""
    return f"{file.repo}/{file.filename}"


def explain_download_error(error: Exception, file: Pinned) -> PullError:
    """The error to raise instead of the client's, after a download failed."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the error says that the file is not cached; its cause says why the download failed
    if isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError)):
        text = f"{full_name(file)} is not in the cache, and HF_HUB_OFFLINE forbids to download it"
        return PullError(f"{text} - unset HF_HUB_OFFLINE and pull again while online", kind="offline")
    if isinstance(error, HfHubHTTPError):
        return _explain_answer(error, file)
    if isinstance(error, httpx2.HTTPError):
        return _explain_connection(error, file)
    return _explain_local(error, file)


def explain_search_error(error: Exception) -> PullError:
    """The error to raise instead of the client's, after a search failed."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    here = "`ganzoo list` shows the models that need no search"
    if isinstance(error, OfflineModeIsEnabled):
        return PullError(f"cannot search the Hub, since HF_HUB_OFFLINE is set - unset it; {here}", kind="offline")
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return PullError(f"cannot search the Hub: it answers HTTP {status} - try again later; {here}", kind="http")
    if isinstance(error, httpx2.HTTPError):
        text = f"cannot reach {constants.ENDPOINT} to search it ({one_line(error)})"
        return PullError(f"{text} - check your connection, your proxy and HF_ENDPOINT; {here}", kind="network")
    text = f"the answer of {constants.ENDPOINT} is not that of a Hub"
    return PullError(f"{text} - check HF_ENDPOINT; if your network has a login page, log in", kind="network")


def explain_upload_error(error: Exception, repo: str) -> PublishError:
    """The error to raise instead of the client's, after an upload to the repository `repo` failed."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # the error names the file; its cause says why the upload failed
    if isinstance(error, OfflineModeIsEnabled):
        return PublishError(f"cannot upload to {repo}, since HF_HUB_OFFLINE is set - unset it and publish again")
    if isinstance(error, HfHubHTTPError):
        return _explain_refused_upload(error, repo)
    if isinstance(error, httpx2.HTTPError):
        text = f"cannot reach {constants.ENDPOINT} to upload to {repo} ({one_line(error)})"
        return PublishError(f"{text} - check your connection, your proxy and HF_ENDPOINT, then try again")
    return PublishError(f"cannot upload to {repo} ({one_line(error)}) - try again, or report it")


def _explain_refused_upload(error: HfHubHTTPError, repo: str) -> PublishError:
    status = error.response.status_code
    if status == 401:
        return PublishError("the Hub does not know your token - log in again with `hf auth login`, or set HF_TOKEN")
    if status == 403:
        text = f"you may not write to {repo}"
        return PublishError(f"{text} - use a token with the write role, and a repository of yours or your organization")
    if status >= 500:
        return PublishError(f"cannot upload to {repo}: the Hub answers HTTP {status} - try again later")
    return PublishError(f"the Hub refuses the upload to {repo}: {one_line(error)}")


def _explain_answer(error: Exception, file: Pinned) -> PullError:
    """The Hub answered and refused. GatedRepoError is tested first, since it is also a RepositoryNotFoundError."""
    from huggingface_hub import errors

    log_in = "log in with `hf auth login` or set HF_TOKEN"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return PullError(f"{file.repo} is gated - accept its terms on its page at the Hub, then {log_in}", kind="gated")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        text = f"the Hub finds no {file.repo_type} repository {file.repo}: it does not exist, or it is private"
        return PullError(f"{text} - check the name; if the repository is private, {log_in}", kind="missing")
    if isinstance(error, errors.RevisionNotFoundError):
        text = f"{file.repo} no longer has the commit {file.revision}"
        return PullError(f"{text} - report it to the publisher", kind="missing")
    if isinstance(error, errors.EntryNotFoundError):
        text = f"{file.repo} has no file {file.filename} at commit {file.revision[:12]}"
        return PullError(f"{text} - report it to the publisher", kind="missing")
    return PullError(f"cannot download {full_name(file)}: the Hub answers HTTP {status} - try again later", kind="http")


def _explain_connection(error: httpx2.HTTPError, file: Pinned) -> PullError:
    """No usable answer arrived, because of the connection, the host or a redirect."""
    import httpx2
    from huggingface_hub import constants

    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.TooManyRedirects)):
        text = f"cannot download {full_name(file)}: the Hub redirects to an unusable address ({one_line(error)})"
        return PullError(f"{text} - check HF_ENDPOINT and your proxy", kind="http")
    text = f"cannot reach {constants.ENDPOINT} to download {full_name(file)} ({one_line(error)})"
    return PullError(f"{text} - check your connection, your proxy and HF_ENDPOINT, then try again", kind="network")


def _explain_local(error: Exception, file: Pinned) -> PullError:
    """The fault is on this machine, or the answer is not from a Hub."""
    from huggingface_hub import constants
    from huggingface_hub.errors import FileMetadataError

    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL:
        text = f"{constants.HF_HUB_CACHE} has no room for {full_name(file)}"
        return PullError(f"{text} - free space there, or set HF_HOME to a folder on another disk", kind="disk")
    if number in _UNWRITABLE:
        text = f"cannot write to {constants.HF_HUB_CACHE} to download {full_name(file)}"
        return PullError(f"{text} - set HF_HOME to a folder that you can write to", kind="disk")
    if number in _IN_PLACE:
        folder = os.path.join(constants.HF_HUB_CACHE, f"{file.repo_type}s--{file.repo.replace('/', '--')}")
        text = f"the cache of {file.repo} is damaged ({one_line(error)})"
        return PullError(f"{text} - remove {folder} and try again", kind="disk")
    if isinstance(error, (FileMetadataError, json.JSONDecodeError)):
        text = f"the answer of {constants.ENDPOINT} is not that of a Hub"
        return PullError(
            f"{text} - check HF_ENDPOINT; if your network has a login page, log in; then try again", kind="network"
        )
    if is_incomplete(error):
        text = f"each download of {full_name(file)} has a wrong length"
        return PullError(
            f"{text} - check your proxy; if your network has a login page, log in; then try again", kind="network"
        )
    return PullError(f"cannot download {full_name(file)} ({one_line(error)}) - try again, or report it", kind="http")


def is_incomplete(error: Exception) -> bool:
    """Whether the client received more or fewer bytes than the Hub had announced."""
    return isinstance(error, OSError) and "Consistency check failed" in str(error)
