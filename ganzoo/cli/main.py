"""The entry point of the command line.

Each command is one thin function in `ganzoo.cli.commands`; the library does the work. A file of commands is imported
when one of its commands is used, so that `ganzoo list` does not wait for the options of `ganzoo train`.
"""

from __future__ import annotations

import logging
import signal
import sys
import traceback
import warnings
from importlib import import_module
from typing import Any, NoReturn

import click

from ganzoo.cli.output import say, tell
from ganzoo.cli.remedies import no_such_command, no_such_option
from ganzoo.cli.signals import EXIT_CODES, catch_terminate
from ganzoo.cli.streams import open_missing, tolerate
from ganzoo.errors import GanzooError, one_line
from ganzoo.registry import lookup
from ganzoo.registry.plugin import SLOW_IMPORT
from ganzoo.registry.registry import Registry
from ganzoo.utils.interrupts import restore
from ganzoo.utils.text import printable

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "browsing": ("list", "info", "pull", "plugins"),
    "sampling": ("sample",),
    "interpolation": ("interpolate",),
    "editing": ("edit",),
    "inversion": ("invert",),
    "training": ("train",),
    "conversion": ("export", "import"),
    "hub": ("search", "cache"),
    "evaluation": ("evaluate", "quiz", "fool"),
    "serving": ("serve",),
    "sharing": ("publish", "card", "new-plugin", "doctor", "completion"),
}
"""The commands by the file of `ganzoo.cli.commands` that defines them."""

WITHOUT_PLUGINS = frozenset({"doctor", "completion"})
"""Commands that load no plugins: they must work whatever a plugin does."""

_state = {"debug": False}


class _LazyGroup(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for names in COMMANDS.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if cmd_name in names and cmd_name not in self.commands:
                for command in import_module(f"ganzoo.cli.commands.{module}").COMMANDS:
                    self.add_command(command)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(no_such_command(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise click.UsageError(no_such_option(error), error.ctx) from error


def _show_versions(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from ganzoo.cli.doctor import versions

        for name, version in versions().items():
            say(f"{name} {version}")
        ctx.exit()


_VERSION_HELP = "Show the versions of ganzoo, of its dependencies and of plugins, and exit."


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_versions, help=_VERSION_HELP)
@click.option("--no-plugins", is_flag=True, help="Do not load third-party plugins.")
@click.option("--debug", is_flag=True, help="Show the traceback when an error occurs.")
@click.pass_context
def cli(ctx: click.Context, no_plugins: bool, debug: bool) -> None:
    """List, download, sample, train and evaluate generative adversarial networks (GANs)."""
    _state["debug"] = debug
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    logger = logging.getLogger("ganzoo")
    logger.setLevel(logging.INFO)
    logger.handlers = [_StderrHandler()]
    if ctx.invoked_subcommand in WITHOUT_PLUGINS:
        return
    registry = Registry.discover(third_party=not no_plugins)
    for plugin in registry.plugins:
        if plugin in registry.broken:
            problem, remedy = plugin.problem_lines()
            tell(f"ganzoo: warning: {problem}")
            tell(remedy)
        if plugin.changes:
            tell(f"ganzoo: warning: {plugin.describe_changes()}")
        if plugin not in registry.broken and plugin.seconds > SLOW_IMPORT:
            tell(f"ganzoo: note: plugin {plugin.key} takes {plugin.seconds:.1f} s to import, which slows every command")
    lookup.use(registry)


def main() -> NoReturn:
    """Run the command line. Every error is one line, with the exit code that `ganzoo.errors` gives it."""
    open_missing()
    tolerate("stderr")  # progress and messages that nobody can read must not stop the work
    terminated: list[signal.Signals] = []
    try:
        restore()
        terminated = catch_terminate()
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = error.exit_code
    except click.ClickException as error:
        tell(f"ganzoo: error: {error.format_message()}", keep=_kept(error))
        code = error.exit_code
    except GanzooError as error:
        code = _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort) as error:
        notes = getattr(error.__cause__ or error, "__notes__", ())  # click makes an Abort of a Ctrl-C
        code = _fail(" ".join(["interrupted", *notes]), 130)
    except OSError as error:
        code = _fail(str(error), 1)
    except Exception as error:
        code = _fail(f"{one_line(error)} - this is a bug in ganzoo or in a plugin: `ganzoo --debug ...` shows where", 1)
    sys.exit(EXIT_CODES[terminated[0]] if terminated else code or 0)


class _StderrHandler(logging.Handler):
    """Prints the messages that the library logs, each as one line on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        tell(f"ganzoo: {record.getMessage()}")


def _kept(error: click.ClickException) -> str:
    """The control characters that a message of click may have: click itself lists choices below each other."""
    return "\n\t" if isinstance(error, click.MissingParameter) else ""


def _show_warning(message: Warning | str, *_: Any) -> None:
    tell(f"ganzoo: warning: {message}")


def _fail(message: str, code: int) -> int:
    if _state["debug"]:
        click.echo(printable(traceback.format_exc(), keep="\n"), err=True, nl=False)
    tell(f"ganzoo: error: {message}")
    return code
