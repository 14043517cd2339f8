"""What a notebook shows of a model, called the way IPython does: `_repr_html_()` without arguments."""

import base64
import io
import re

import pytest
from PIL import Image

import ganzoo
from ganzoo.registry import lookup
from ganzoo.sampling import notebook


def picture(html):
    found = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    return Image.open(io.BytesIO(base64.b64decode(found[1]))) if found else None


def test_facts_and_a_sheet():
    model = ganzoo.load("biggan-fashion-mnist", device="cpu")
    html = model._repr_html_()
    for fact in ("biggan-fashion-mnist", "class-conditional", "1x32x32", "<td>classes</td><td>10</td>"):
        assert fact in html
    assert picture(html).width > 8 * 64
    assert html == model._repr_html_()


def test_the_license_of_the_weights():
    model = ganzoo.load("dcgan-mnist", device="cpu")
    assert model.license == lookup.registry().models["dcgan-mnist"].license
    assert f"<td>license</td><td>{model.license}</td>" in model._repr_html_()
    model.license = None
    assert "license" not in model._repr_html_()


def test_a_translation_and_large_images_have_no_sheet(monkeypatch):
    html = ganzoo.load("cyclegan-noto2twemoji", device="cpu")._repr_html_()
    assert picture(html) is None
    assert "model.translate(" in html
    monkeypatch.setattr(notebook, "MOST_PIXELS", 32 * 32 - 1)
    assert picture(ganzoo.load("dcgan-mnist", device="cpu")._repr_html_()) is None


@pytest.mark.parametrize("broken", ["images", "name"])
def test_it_never_raises_and_escapes(monkeypatch, broken):
    model = ganzoo.load("dcgan-mnist", device="cpu")
    monkeypatch.setattr(model, broken, None)
    assert model._repr_html_().startswith("<code>&lt;ganzoo")
    model.name = "<script>"
    assert "<script>" not in model._repr_html_()
