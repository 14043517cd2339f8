"""A contract for import-linter: what a module imports when it is imported, and not later inside of functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

__all__ = ["AtImportContract"]


class AtImportContract(Contract):
    """Importing one of `modules` imports none of `forbidden`, directly or through the project's other modules.

    Imports inside of functions and under ``if TYPE_CHECKING`` do not count. import-linter's own contract of
    forbidden imports counts both.
    """

    type_name = "at_import"

    modules: Any = fields.ListField(subfield=fields.StringField())
    forbidden: Any = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Follow the imports of every module; keep the chain that leads to each forbidden one."""
        own = {module for module in graph.modules if not graph.is_module_squashed(module)}
        chains = [chain for module in self.modules if (chain := _chain_to(self.forbidden, module, own))]
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print a line for each chain."""
        for chain in check.metadata["chains"]:
            output.print_error(" -> ".join(chain))


def _chain_to(forbidden: set[str], module: str, known: set[str]) -> tuple[str, ...]:
    """The imports that lead from a module to a forbidden one; empty if none do."""
    if module not in known:
        return (module, "there is no such module")
    waiting, seen = [(module,)], {module}
    while waiting:
        chain = waiting.pop(0)
        for name in _imported(chain[-1], known):
            if name.partition(".")[0] in forbidden:
                return (*chain, name)
            if name in known and name not in seen:
                seen.add(name)
                waiting.append((*chain, name))
    return ()


def _imported(module: str, known: set[str]) -> Iterator[str]:
    """What importing a module imports: its packages first, then what its file says."""
    parts = module.split(".")
    yield from (".".join(parts[:i]) for i in range(1, len(parts)))
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return
    for statement in _at_import(ast.parse(Path(spec.origin).read_text()).body):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (name for alias in statement.names if (name := f"{statement.module}.{alias.name}") in known)


def _at_import(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported, also those inside of ``if``, ``try`` and ``class``."""
    for statement in statements:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        type_only = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        for block in ("orelse",) if type_only else ("body", "orelse", "finalbody"):
            yield from _at_import(getattr(statement, block, []))
