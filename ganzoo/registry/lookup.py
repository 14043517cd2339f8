"""The registry that is in use; lists of models, new networks and configs by name."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ganzoo.errors import InvalidConfigError, PluginWarning, UnknownNameError, one_line
from ganzoo.interface.configs import Config, replace_config
from ganzoo.interface.specs import Loss, PretrainedModel
from ganzoo.registry.registry import Registry
from ganzoo.utils.names import BUILTIN

if TYPE_CHECKING:
    from ganzoo.interface.gan import GAN

__all__ = ["check_config", "config_of", "create", "models", "provider_of", "registry", "use"]


_registry: Registry | None = None

_discovering = threading.RLock()
"""Only one thread discovers plugins: settings of the whole process change meanwhile, such as filters of warnings.

A plugin may ask for the registry while it is imported, in the same thread.
"""


def registry() -> Registry:
    """The registry that is in use: the one that `use` set, or else a registry of all installed plugins.

    For each broken plugin it warns once, and leaves the plugin out. It also warns of plugins that change settings of
    the whole process when they are imported.
    """
    if _registry is None:
        with _discovering:
            return _registry or _discovered()
    return _registry


def _discovered() -> Registry:
    found = Registry.discover()
    use(found)
    for plugin in found.broken:
        warnings.warn(plugin.describe_problem(), PluginWarning, stacklevel=4)
    for plugin in found.plugins:
        if plugin.changes:
            warnings.warn(plugin.describe_changes(), PluginWarning, stacklevel=4)
    return found


def use(new: Registry | None) -> None:
    """Look up all names in the registry `new` from now on. None means to discover the installed plugins again."""
    global _registry
    _registry = new


def models(pattern: str = "*", *, architecture: str | None = None, task: str | None = None) -> list[str]:
    """The names of the pretrained models that match all of the given conditions.

    `pattern` is a shell pattern such as ``dcgan-*``, or a part of the name. `architecture` and `task` are names.

    Raises:
        UnknownNameError: no such architecture, or no architecture has such a task.
    """
    found = registry()
    wanted = None if architecture is None else found.architectures[architecture]
    tasks = {a.task.name for a in found.architectures.values()}
    if task is not None and task not in tasks:
        raise UnknownNameError(f"there is no task {task!r} - there are {', '.join(sorted(tasks))}")
    return [
        name
        for name, model in found.models.items()
        if fnmatchcase(name, pattern if set(pattern) & set("*?[") else f"*{pattern}*")
        and wanted in (None, found.architectures[model.architecture])
        and (task is None or found.architectures[model.architecture].task.name == task)
    ]


def create(architecture: str, *, loss: str | None = None, **config: Any) -> GAN:
    """A new, untrained GAN. `config` replaces values of the architecture's config; the defaults are the paper's.

    Its weights are float32, whatever `torch.get_default_dtype` says.

    Raises:
        UnknownNameError: no such architecture or loss.
        InvalidConfigError: a field does not exist, or a value is not possible.
    """
    from ganzoo.utils.precision import float32_by_default

    settings, chosen = check_config(architecture, config, loss)
    try:
        with float32_by_default():
            return registry().architectures[architecture].build(settings, chosen.load())
    except (RuntimeError, OverflowError, TypeError) as error:  # torch raises them for sizes that are too large
        raise InvalidConfigError(
            f"{architecture} cannot be built with this config: {one_line(error)} - use smaller values"
        ) from error


def check_config(architecture: str, config: Mapping[str, Any], loss: str | None = None) -> tuple[Config, Loss]:
    """The complete config and the loss that `create` would use, without importing torch.

    Raises:
        UnknownNameError, InvalidConfigError: as `create`.
    """
    spec = registry().architectures[architecture]
    return replace_config(spec.config, config, of=architecture), registry().losses[loss or spec.default_loss]


def config_of(model: PretrainedModel) -> Config:
    """The complete config of a registered model."""
    return check_config(model.architecture, model.config)[0]


def provider_of(architecture: str) -> str:
    """The distribution that provides an architecture; an empty text for ganzoo itself.

    Raises:
        UnknownNameError: no such architecture.
    """
    owner = registry().architectures.owner(architecture)
    return "" if owner == BUILTIN else owner
