"""The Hub client's errors, each as one sentence with its cause, the next step and a stable kind."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ganzoo.errors import PublishError, PullError, one_line
from ganzoo.hub.pins import Pinned

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["explain_download_error", "explain_upload_error", "full_name", "is_incomplete"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def full_name(file: Pinned) -> str:
    """The file as users know it: ``owner/repository/file``."""
    return f"{file.repo}/{file.filename}"


def explain_download_error(error: Exception, file: Pinned) -> PullError:
    """What is raised in place of the client's error."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # it only says "not here"; the cause says why it could not be fetched
    if isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError)):
        text = f"{full_name(file)} is not in the cache and HF_HUB_OFFLINE is set"
        return PullError(f"{text} - unset it, and pull once while online", kind="offline")
    if isinstance(error, HfHubHTTPError):
        return _explained_answer(error, file)
    if isinstance(error, httpx2.HTTPError):
        return _explained_line(error, file)
    return _explained_local(error, file)


def explain_upload_error(error: Exception, repo: str) -> PublishError:
    """What is raised in place of the client's error when something is sent to a repository."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # it only says which file; the cause says why
    if isinstance(error, OfflineModeIsEnabled):
        return PublishError(f"{repo} cannot be written while HF_HUB_OFFLINE is set - unset it")
    if isinstance(error, HfHubHTTPError):
        return _refused_upload(error, repo)
    if isinstance(error, httpx2.HTTPError):
        text = f"cannot reach {constants.ENDPOINT} to write {repo} ({one_line(error)})"
        return PublishError(f"{text} - check the connection, your proxy and HF_ENDPOINT, then try again")
    return PublishError(f"{repo} cannot be written: {one_line(error)}")


def _refused_upload(error: HfHubHTTPError, repo: str) -> PublishError:
    status, said = error.response.status_code, one_line(error)
    if status == 401:
        return PublishError("the Hub does not know your token - log in anew with `hf auth login`, or set HF_TOKEN")
    if status == 403:
        text = f"you may not write to {repo}"
        return PublishError(f"{text} - its owner is you or an organisation of yours, and the token has the write role")
    if status >= 500:
        return PublishError(f"{repo}: the Hub answers HTTP {status} - try again later")
    return PublishError(f"the Hub refuses {repo}: {said}")


def _explained_answer(error: Exception, file: Pinned) -> PullError:
    """The Hub answered, with a refusal. A gated repository is also a "missing" one, hence the order."""
    from huggingface_hub import errors

    log_in = "log in with `hf auth login` or set HF_TOKEN"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return PullError(f"{file.repo} is gated - accept its terms on its Hub page, then {log_in}", kind="gated")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        text = f"the Hub shows no {file.repo_type} repository {file.repo}: it does not exist or is private"
        return PullError(f"{text} - if you may read it, {log_in}", kind="missing")
    if isinstance(error, errors.RevisionNotFoundError):
        text = f"{file.repo} has no commit {file.revision}: its history was rewritten"
        return PullError(f"{text} - report it to the model's publisher", kind="missing")
    if isinstance(error, errors.EntryNotFoundError):
        text = f"{file.repo} has no file {file.filename} at commit {file.revision[:12]}"
        return PullError(f"{text} - report it to the model's publisher", kind="missing")
    return PullError(f"{full_name(file)}: the Hub answers HTTP {status} - try again later", kind="http")


def _explained_line(error: httpx2.HTTPError, file: Pinned) -> PullError:
    """No usable answer came: the line, the host, or what it redirects to."""
    import httpx2
    from huggingface_hub import constants

    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.TooManyRedirects)):
        text = f"{full_name(file)}: the Hub redirects to where nothing can be fetched ({one_line(error)})"
        return PullError(f"{text} - check HF_ENDPOINT and your proxy", kind="http")
    text = f"cannot reach {constants.ENDPOINT} for {full_name(file)} ({one_line(error)})"
    return PullError(f"{text} - check the connection, your proxy and HF_ENDPOINT, then try again", kind="network")


def _explained_local(error: Exception, file: Pinned) -> PullError:
    """What this machine, or something that only claims to be the Hub, did wrong."""
    from huggingface_hub import constants
    from huggingface_hub.errors import FileMetadataError

    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL:
        text = f"{constants.HF_HUB_CACHE} has no room for {full_name(file)}"
        return PullError(f"{text} - free some, or set HF_HOME to a folder on another disk", kind="disk")
    if number in _UNWRITABLE:
        text = f"{constants.HF_HUB_CACHE} cannot be written, as fetching {full_name(file)} has to"
        return PullError(f"{text} - set HF_HOME to a folder that can", kind="disk")
    if isinstance(error, FileMetadataError):
        text = f"{constants.ENDPOINT} does not answer as a Hub does"
        return PullError(f"{text} - a login page of your network may be in the way; check HF_ENDPOINT", kind="network")
    if is_incomplete(error):
        text = f"{full_name(file)} arrived with a wrong length every time"
        return PullError(f"{text} - a proxy or login page may be in the way; try again later", kind="network")
    return PullError(f"{full_name(file)} cannot be fetched ({one_line(error)}) - try again, or report it", kind="http")


def is_incomplete(error: Exception) -> bool:
    """Whether the client found fewer or more bytes than were announced."""
    return isinstance(error, OSError) and "Consistency check failed" in str(error)
