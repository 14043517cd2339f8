"""Records by name: which distribution declares each, and which record a name means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from ganzoo.errors import AmbiguousNameError, UnknownNameError
from ganzoo.utils.names import BUILTIN

__all__ = ["Index"]


class _Named(Protocol):
    """Any kind of record."""

    @property
    def name(self) -> str:
        """The name that users type."""
        ...


Record = TypeVar("Record", bound=_Named)


class Index(Mapping[str, Record], Generic[Record]):
    """Records of one kind by name.

    Several distributions may declare the same name. Then the bare name means ganzoo's own record. If ganzoo has none,
    the bare name is ambiguous, and ``distribution/name`` means one of the records. Iteration gives the shortest name
    that means each record. `unknown(kind, name, known)` makes the error for a name that nobody declares.
    """

    def __init__(self, kind: str, unknown: Callable[[str, str, Iterable[str]], UnknownNameError]) -> None:
        self.kind = kind
        self._unknown = unknown
        self._owners: dict[str, dict[str, Record]] = {}

    def put(self, owner: str, record: Record) -> None:
        """Add a record that the distribution `owner` declares, or replace its record of that name."""
        self._owners.setdefault(record.name, {})[owner] = record

    def discard(self, owner: str, name: str) -> None:
        """Remove a record of `owner`."""
        del self._owners[name][owner]
        if not self._owners[name]:
            del self._owners[name]

    def name_for(self, owner: str, name: str) -> str:
        """The full name of what `owner` means by `name`: its own record if it has one, else the record of another."""
        return f"{owner}/{name}" if owner in self._owners.get(name, ()) and owner != self._winner(name) else name

    def owner(self, name: str) -> str:
        """The distribution that declares the record `name`.

        Raises:
            UnknownNameError, AmbiguousNameError: as for ``index[name]``.
        """
        self[name]
        owner, _, bare = name.rpartition("/")
        return owner or str(self._winner(bare))

    def __getitem__(self, name: str) -> Record:
        """The record of that name.

        Raises:
            UnknownNameError: nobody declares it; the message suggests similar names.
            AmbiguousNameError: several third-party plugins declare it; the message lists their full names.
        """
        if name not in self:
            raise self._unknown(self.kind, name, self)
        prefix, _, bare = name.rpartition("/")
        owner = prefix or self._winner(bare)
        if owner is None:
            choices = " or ".join(f"{each}/{bare}" for each in self._owners[bare])
            raise AmbiguousNameError(f"several plugins declare the {self.kind} {name} - say {choices}")
        return self._owners[bare][owner]

    def get(self, name: str, /, default: Any = None) -> Any:
        """The record of that name, or `default` if nobody declares it."""
        try:
            return self[name]
        except UnknownNameError:
            return default

    def __contains__(self, name: object) -> bool:
        """Whether anybody declares the name, even if it is ambiguous."""
        owner, _, bare = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        owners = self._owners.get(bare, {})
        return owner in owners if owner else bool(owners)

    def __iter__(self) -> Iterator[str]:
        return (self.name_for(owner, name) for name in sorted(self._owners) for owner in self._owners[name])

    def __len__(self) -> int:
        return sum(map(len, self._owners.values()))

    def _winner(self, name: str) -> str | None:
        """The owner whose record the bare name means: ganzoo, or else the only owner. None if it is ambiguous."""
        owners = self._owners[name]
        if BUILTIN in owners:
            return BUILTIN
        return next(iter(owners)) if len(owners) == 1 else None
