"""Records by name: who declares them, whose name wins, and what an ambiguous name may mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from ganzoo.errors import AmbiguousNameError, UnknownNameError
from ganzoo.utils.names import BUILTIN

__all__ = ["Index"]


class _Named(Protocol):
    """What every kind of record has."""

    @property
    def name(self) -> str:
        """As users type it."""
        ...


Record = TypeVar("Record", bound=_Named)


class Index(Mapping[str, Record], Generic[Record]):
    """Records of one kind by name.

    Iterating gives one name for each record: the bare name, or ``distribution/name`` where the bare
    one is another's or is claimed by several. `unknown` makes the error for a name that nobody declares.
    """

    def __init__(self, kind: str, unknown: Callable[[str, str, Iterable[str]], UnknownNameError]) -> None:
        self.kind = kind
        self._unknown = unknown
        self._owners: dict[str, dict[str, Record]] = {}

    def put(self, owner: str, record: Record) -> None:
        """Add a record that the distribution `owner` declares, or replace its record of that name."""
        self._owners.setdefault(record.name, {})[owner] = record

    def discard(self, owner: str, name: str) -> None:
        """Forget a record of `owner`."""
        del self._owners[name][owner]
        if not self._owners[name]:
            del self._owners[name]

    def name_for(self, owner: str, name: str) -> str:
        """The name by which `owner` means `name`: its own record comes before everybody else's."""
        return f"{owner}/{name}" if owner in self._owners.get(name, ()) and owner != self._winner(name) else name

    def owner(self, name: str) -> str:
        """The distribution that declares what `name` means.

        Raises:
            As looking it up does.
        """
        self[name]
        said, _, bare = name.rpartition("/")
        return said or str(self._winner(bare))

    def __getitem__(self, name: str) -> Record:
        """The record of that name.

        Raises:
            UnknownNameError: there is none; the message suggests the nearest.
            AmbiguousNameError: several third-party plugins declare it; the message lists them.
        """
        if name not in self:
            raise self._unknown(self.kind, name, self)
        said, _, bare = name.rpartition("/")
        owner = said or self._winner(bare)
        if owner is None:
            choices = " or ".join(f"{each}/{bare}" for each in self._owners[bare])
            raise AmbiguousNameError(f"several plugins declare the {self.kind} {name} - say {choices}")
        return self._owners[bare][owner]

    def get(self, name: str, /, default: Any = None) -> Any:
        """The record of that name, or `default` where there is none."""
        try:
            return self[name]
        except UnknownNameError:
            return default

    def __contains__(self, name: object) -> bool:
        """Whether somebody declares the name; an ambiguous one, too."""
        owner, _, bare = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        owners = self._owners.get(bare, {})
        return owner in owners if owner else bool(owners)

    def __iter__(self) -> Iterator[str]:
        return (self.name_for(owner, name) for name in sorted(self._owners) for owner in self._owners[name])

    def __len__(self) -> int:
        return sum(map(len, self._owners.values()))

    def _winner(self, name: str) -> str | None:
        """Who has the bare name: a built-in, or else the only one that declares it."""
        owners = self._owners[name]
        if BUILTIN in owners:
            return BUILTIN
        return next(iter(owners)) if len(owners) == 1 else None
