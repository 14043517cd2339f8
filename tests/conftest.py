"""What all tests share."""

import pytest
import torch

from ganzoo.registry import lookup

collect_ignore = ["thirdparty"]  # a package of its own, with tests of its own: tests/test_thirdparty.py runs them


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    # Tiny tensors gain nothing from threads, and results of different thread counts differ in the last bit.
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _registry_of_its_own():
    """No test sees the registry that another one has put in place."""
    yield
    lookup.use(None)
