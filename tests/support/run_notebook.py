"""Run a notebook from top to bottom in the working folder, as Jupyter does: `python run_notebook.py NOTEBOOK`.

The last expression of a cell is shown: its HTML is asked for, and its text is printed. Of the magics, ``%%writefile``
is known.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any

WRITE = "%%writefile "


def run_cell(source: str, names: dict[str, Any], where: str) -> None:
    if source.startswith(WRITE):
        head, _, text = source.partition("\n")
        Path(head.removeprefix(WRITE).strip()).write_text(text)
        return
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    if isinstance(last, ast.Expr):
        show(eval(compile(ast.Expression(last.value), where, "eval"), names), where)


def show(value: object, where: str) -> None:
    html = getattr(value, "_repr_html_", lambda: "")()
    if value is not None:
        print(f"{where}: {type(value).__name__} {len(html)} {str(html)[:80]!r}")


def main(path: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = json.loads(path.read_text())["cells"]
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            run_cell("".join(cell["source"]), names, f"{path.name}[{number}]")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
