"""What a notebook shows of a trainer, called the way IPython does; and the same output, drawn again while it trains."""

import base64
import io
import re
import sys
from types import ModuleType

import pytest
from PIL import Image

from ganzoo import Trainer, testing
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.training import notebook

TINY = {"resolution": 16, "channels": 1, "latent_dim": 4, "generator_width": 4, "discriminator_width": 4}


@pytest.fixture
def trainer(tmp_path):
    folder = tmp_path / "<pictures>"
    folder.mkdir()
    for i, picture in enumerate(to_pictures(testing.noise_data((1, 16, 16), 12).images)):
        save_picture(picture, folder / f"{i:02d}.png")
    return Trainer("dcgan", str(folder), tmp_path / "run", config=TINY, iterations=4, batch_size=4, device="cpu")


@pytest.fixture
def outputs(monkeypatch):
    """The outputs of a notebook, in IPython's place: the content of each, and how often it was shown."""
    shown = []

    class Handle:
        def __init__(self, data):
            self.contents = [data]

        def update(self, data, *, raw):
            assert raw
            self.contents.append(data)

    def display(data, *, raw, display_id):
        assert (raw, display_id) == (True, True)
        shown.append(Handle(data))
        return shown[-1]

    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return shown


def pictures(html):
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_how_far_it_is_its_curves_and_its_samples(trainer):
    html = trainer._repr_html_()
    assert "iteration 0 of 4" in html
    assert "&lt;pictures&gt;" in html
    assert pictures(html) == []
    trainer.run()
    html = trainer._repr_html_()
    assert "iteration 4 of 4" in html
    curves, sheet = pictures(html)
    assert curves.size == (900, 600)
    assert sheet.width > 8 * 64
    assert repr(trainer).endswith("iteration 4 of 4>")


def test_one_output_follows_the_training(trainer, outputs, monkeypatch):
    monkeypatch.setattr(notebook, "REFRESH_EVERY", 0.0)
    trainer._ipython_display_()
    trainer.run()
    (output,) = outputs
    told = [re.search(r"iteration (\d)", content["text/html"])[1] for content in output.contents]
    assert told == ["0", "1", "2", "3", "4"]
    assert output.contents[-1]["text/plain"] == repr(trainer)


def test_it_is_drawn_seldom_and_at_the_end(trainer, outputs):
    trainer._ipython_display_()
    trainer.run()
    assert len(outputs[0].contents) == 2
    assert "iteration 4 of 4" in outputs[0].contents[-1]["text/html"]


def test_a_drawing_that_fails_does_not_stop_the_training(trainer, outputs, monkeypatch):
    def fail(*_):
        raise ValueError("no font")

    monkeypatch.setattr("ganzoo.training.trainer.trainer_html", fail)
    trainer._ipython_display_()
    assert trainer.run().step == 4
    assert outputs[0].contents[-1]["text/html"].startswith("<code>&lt;ganzoo.Trainer dcgan on")


def test_the_sheet_does_not_change_the_training(trainer, tmp_path):
    """Looking at a run draws samples: they take no random number of the training."""
    other = Trainer(
        "dcgan",
        trainer.training_run.plan.data,
        tmp_path / "other",
        config=TINY,
        iterations=4,
        batch_size=4,
        device="cpu",
    )
    for _ in trainer:
        trainer._repr_html_()
    other.run()
    for name, value in trainer.model().gan.state_dict().items():
        assert value.equal(other.model().gan.state_dict()[name])
