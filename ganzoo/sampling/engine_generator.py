"""The sampling function of a GAN on an engine: prepared at first use, and believed only after a comparison."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.errors import one_line
from ganzoo.interface.configs import Config
from ganzoo.interface.engine import EngineFunctions, SamplingNetwork, identifier
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.specs import Engine
from ganzoo.interface.tasks import Task
from ganzoo.sampling.comparison import check_same_images, is_faster, other_inputs, trial_inputs
from ganzoo.sampling.engines import AUTO, engines_for, why_unusable
from ganzoo.sampling.fused import KeptWhileUnchanged
from ganzoo.sampling.prepared_forms import find_form, form_folder, keep_form

__all__ = ["EngineGenerator", "function_on", "open_function", "quietly", "sampling_functions"]

_log = logging.getLogger(__name__)

Generate = Callable[[Inputs], Tensor]


class EngineGenerator:
    """Holds the sampling function of a GAN on an engine, for as long as the weights stay the same.

    `asked` is the name of an engine, or ``auto``. Copies and pickles do not contain the function. A forked process has
    none, because the threads of the engine do not exist there.
    """

    def __init__(self, asked: str) -> None:
        self.asked = asked
        self.used = ""
        """The name of the engine that generates the images; empty before the first images, and where PyTorch does."""
        self._kept = KeptWhileUnchanged()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[type[EngineGenerator], tuple[str]]:
        return EngineGenerator, (self.asked,)

    def function_of(
        self, gan: GAN, task: type[Task], config: Config, inputs: Inputs, by_torch: Callable[[], Generate]
    ) -> Generate | None:
        """The function for inputs with the names of `inputs`; None if PyTorch must generate the images.

        If no engine can be used, one line in the log of ganzoo says why. ``auto`` uses an engine only if it generates
        the images of `inputs` faster than the function that `by_torch` returns.
        """
        if os.getpid() != self._process:
            return None
        return self._kept.get(gan, tuple(inputs), partial(self._open, gan, task, config, inputs, by_torch))

    def give_up(self, gan: GAN, inputs: Inputs, error: Exception) -> None:
        """Generate no more images with these names of inputs and these weights, because of an error."""
        name = self.used or self.asked
        _log.warning("the engine %s failed (%s) - torch generates the images instead", name, one_line(error))
        self._kept.put(tuple(inputs), None)

    def _open(
        self, gan: GAN, task: type[Task], config: Config, inputs: Inputs, by_torch: Callable[[], Generate]
    ) -> Generate | None:
        self.used = ""
        engines = engines_for(self.asked, gan.device.type)
        if not engines and self.asked == AUTO:
            _log.info("no engine that is faster than torch is installed for %s", gan.device.type)
        for position, engine in enumerate(engines, 1):
            problem = why_unusable(engine, gan.device.type)
            try:
                if not problem:
                    function = function_on(engine, gan, task, config, inputs)
                    if self.asked == AUTO and not is_faster(function, by_torch(), inputs):
                        _log.info("the engine %s is not used: torch is faster for this model", engine.name)
                        continue
                    self.used = engine.name
                    return function
            except Exception as error:  # of any kind: the libraries raise their own
                problem = one_line(error)
            then = "the next engine is tried" if position < len(engines) else "torch generates the images instead"
            _log.warning("the engine %s is not used: %s - %s", engine.name, problem, then)
        return None


@torch.inference_mode(False)
@torch.no_grad()
def function_on(
    engine: Engine, gan: GAN, task: type[Task], config: Config, inputs: Inputs, *, cached: bool = True
) -> Generate:
    """The sampling function on an engine, from the cache or newly prepared, compared with PyTorch's.

    The function is for inputs with the names of `inputs`. With `cached` off, nothing is read from or written to the
    cache.

    Raises:
        EngineError: the images differ from PyTorch's.
        Exception: the engine cannot prepare the network, or cannot run it.
    """
    trial = trial_inputs(gan, task, config, inputs)
    pair = {name: value[:2] for name, value in trial.items()}
    batches = [pair, *other_inputs(trial, task, config)]
    with quietly():
        functions = engine.load()
        folder = _folder(engine, gan, config, pair) if cached else None
        if folder is not None and find_form(folder):
            try:
                # Two images each time: the code of the plugin, or the processor, may be another one now.
                return open_function(functions, gan.generate, pair, gan.generate, batches[:1], task, form=folder)
            except Exception as error:
                _log.info("the prepared form in %s is not used: %s", folder, one_line(error))
        return _prepared(functions, gan, pair, batches, task, folder)


def _folder(engine: Engine, gan: GAN, config: Config, inputs: Inputs) -> Path | None:
    """Where the prepared form is kept; None if the cache cannot be used."""
    try:
        return form_folder(engine, gan, config, inputs)
    except (OSError, ValueError):  # ValueError: a file is where a folder of the cache should be
        return None


def _prepared(
    functions: EngineFunctions,
    gan: GAN,
    example: Inputs,
    batches: Sequence[Inputs],
    task: type[Task],
    folder: Path | None,
) -> Generate:
    """Prepare the faster of the GAN's two functions that the engine takes and computes right, and keep it."""
    for function in sampling_functions(gan):
        with tempfile.TemporaryDirectory(prefix="ganzoo-", ignore_cleanup_errors=True) as form:
            try:
                opened = open_function(
                    functions, function, example, gan.generate, batches, task, form=Path(form), prepare=True
                )
            except Exception as error:
                reason = error
                continue
            if folder is not None:
                keep_form(Path(form), folder)
            return opened
    raise reason


def sampling_functions(gan: GAN) -> list[Generate]:
    """The functions that generate the images of a GAN, the fastest first: an engine may take only one of them."""
    return [gan.generate] if type(gan).fused is GAN.fused else [gan.fused(), gan.generate]


def open_function(
    functions: EngineFunctions,
    function: Generate,
    example: Inputs,
    reference: Generate,
    batches: Sequence[Inputs],
    task: type[Task],
    *,
    form: Path,
    prepare: bool = False,
) -> Generate:
    """Open the form of a sampling function in the folder `form`, and compare its images with those of `reference`.

    `prepare` first writes the form of `function`. `example` are inputs of two images. `batches` are the inputs to
    compare.

    Raises:
        EngineError: the images differ from those of `reference`.
        Exception: the engine cannot prepare the network, or cannot run it.
    """
    names = {identifier(name): name for name in example}

    def renamed(inputs: Mapping[str, Tensor]) -> Tensor:
        return function({names[name]: value for name, value in inputs.items()})

    safe = {identifier(name): value for name, value in example.items()}
    network = SamplingNetwork(renamed, safe, any_size=task.from_images).eval()
    if prepare:
        functions.prepare(network, form)
    run = functions.open(network, form)

    def generate(inputs: Inputs) -> Tensor:
        return run({identifier(name): value for name, value in inputs.items()})

    check_same_images(generate, reference, batches)
    return generate


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, libraries print and warn for nobody."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
