"""What other distributions must give: weights files, found without importing any of their code."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ganzoo.errors import CorruptWeightsError, PullError
from ganzoo.interface.configs import Config, install_of
from ganzoo.interface.weights_files import PackageFile
from ganzoo.utils.files import sha256_of

__all__ = ["find_installed", "install_command", "verify_installed"]


def install_command(weights: object, config: Config) -> str:
    """The command that installs what a model needs: the package with its weights, and what its config names.

    It is empty for a model that needs nothing.
    """
    commands = (weights.install if isinstance(weights, PackageFile) else "", install_of(config))
    return " && ".join(filter(None, commands))


def find_installed(file: PackageFile) -> Path | None:
    """The path of the file, or None if its distribution is not installed or has no such file. It is not read."""
    try:
        path = Path(str(distribution(file.distribution).locate_file(file.location)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def verify_installed(file: PackageFile) -> Path:
    """The path of the file, which has the pinned digest.

    Raises:
        PullError: the distribution is not installed, or has no such file. The message says which command installs it.
        CorruptWeightsError: the file has another digest.
    """
    path = find_installed(file)
    if path is None:
        text = f"{file.location} of the package {file.distribution} is not installed"
        raise PullError(f"{text} - install it with `{file.install}`", kind="missing")
    found = sha256_of(path)
    if found != file.sha256:
        text = f"{path} has sha256 {found[:12]}..., expected {file.sha256[:12]}..."
        remedy = file.install.replace("install", "install --force-reinstall", 1)
        raise CorruptWeightsError(f"{text} - get the pinned version with `{remedy}`")
    return path
