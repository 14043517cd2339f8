"""What the tests of training share."""

import pytest
from PIL import Image

from ganzoo.training import plots


@pytest.fixture(autouse=True)
def _blank_figures(request, monkeypatch):
    """Figures are white pictures of the right size: Matplotlib takes most of the time of a small run.

    The marker ``figures`` brings them back.
    """
    if not request.node.get_closest_marker("figures"):
        monkeypatch.setattr(plots, "to_picture", lambda figure: Image.new("RGB", figure_size(figure), "white"))


def figure_size(figure):
    """The width and the height of a figure in pixels."""
    return tuple(int(side) for side in figure.get_size_inches() * figure.dpi)
