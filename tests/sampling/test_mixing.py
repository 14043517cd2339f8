"""Styles of an architecture that ganzoo does not know: mixed, interpolated and edited through its task and inputs."""

import dataclasses

import pytest
import torch

import ganzoo
from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import OptionalClassConfig, check_contract
from ganzoo.sampling.mixing import make_mixing_sheet

SIZE = 4


@dataclasses.dataclass(frozen=True)
class Config:
    classes: int = 0

    @property
    def image_shape(self):
        return (1, 2, SIZE // 2)


class Stripes(ganzoo.GAN):
    """An image is its style, half of the latent, plus a little noise. The first two numbers are the coarse styles."""

    held_inputs = ("noise",)

    def __init__(self):
        super().__init__()
        self.generator = torch.nn.Linear(SIZE, SIZE, bias=False)
        torch.nn.init.eye_(self.generator.weight)

    def optimizers(self):
        return {}

    def training_step(self, batches):
        yield from ()

    def draw(self, request, random):
        z = torch.rand(SIZE, generator=random)
        noise = torch.rand(SIZE, generator=random) / 100
        if request.styles == "coarse":
            z[:2] = torch.rand(SIZE, generator=torch.Generator().manual_seed(request.styles_from))[:2]
        return {"z": z, "noise": noise}

    def edit_inputs(self, inputs):
        return inputs if "w" in inputs else {"w": inputs["z"] / 2, "noise": inputs["noise"]}

    def generate(self, inputs):
        moved = self.edit_inputs(inputs)
        return (self.generator(moved["w"]) + moved["noise"]).view(-1, 1, 2, SIZE // 2)

    def direction_layers(self):
        return {"w": [torch.diag(torch.tensor([1.0, 4.0, 2.0, 3.0]))]}


@pytest.fixture(scope="module")
def model():
    return ganzoo.Model(Stripes(), ganzoo.StyleBased, Config(), name="stripes")


def test_a_sheet_mixes_each_row_with_each_column(model):
    sheet = make_mixing_sheet(model.request, mix="2,3", seed=10)
    images = torch.cat(list(sheet.batches(model, 2)))
    assert len(images) == len(sheet) == len(sheet.names) == len(set(sheet.names)) == 12
    images = images.view(3, 4, SIZE)
    assert (images[0, 0] == 255).all()
    alone = {seed: model.generate_pixels(model.draw(seed=seed)).flatten() for seed in range(10, 15)}
    assert [images[row, 0].equal(alone[9 + row]) for row in (1, 2)] == [True] * 2
    assert [images[0, column].equal(alone[11 + column]) for column in (1, 2, 3)] == [True] * 3
    for row in (1, 2):
        for column in (1, 2, 3):
            mixed, of_row, of_column = images[row, column].int(), alone[9 + row].int(), alone[11 + column].int()
            assert (mixed[:2] - of_column[:2]).abs().max() <= 2, "up to the noise, which is that of the row"
            assert mixed[2:].equal(of_row[2:])


def test_the_name_of_a_sheet_tells_its_options(model):
    sheet = make_mixing_sheet(model.request, mix="2,3", styles="fine", seed=4, truncation=0.5)
    assert sheet.file_label == "mix2x3-fine-seed4-truncation0.5"
    assert (sheet.columns, sheet.rows, sheet.plain) == (4, 2, ganzoo.StyleBased(truncation=0.5))
    assert [request.styles_from for request in sheet.mixed] == [6, 7, 8]
    with pytest.raises(InvalidRequestError, match="last image has seed"):
        make_mixing_sheet(model.request, mix="2,3", seed=2**32 - 2)


def test_an_interpolation_moves_styles_and_holds_what_the_architecture_says(model):
    start, end = model.draw(seed=1), model.draw(seed=2)
    images = model.interpolate(start, end, steps=3).flatten(1)
    assert torch.allclose(images[1], (start["z"] + end["z"])[0] / 4 + start["noise"][0], atol=1e-6)
    with pytest.raises(InvalidRequestError, match=r"no input x to hold - there are w, noise"):
        model.interpolate(start, end, steps=3, hold=["x"])


def test_edits_move_styles(model):
    found = model.directions("sefa", 1)
    assert found.input == "w"
    assert torch.allclose(found.vectors, torch.tensor([[0.0, 1.0, 0.0, 0.0]]), atol=1e-6)
    inputs = model.draw(seed=3)
    moved = model.edit(inputs, found, [3.0]).flatten()
    assert torch.allclose(moved - model.generate(inputs).flatten(), 3 * found.vectors[0], atol=1e-6)
    assert model.directions("pca", 1).input == "w"


def test_classes_are_optional():
    check_contract(Config(classes=0), OptionalClassConfig, of="stripes")
    check_contract(Config(classes=3), OptionalClassConfig, of="stripes")
    with pytest.raises(ganzoo.GanzooError, match="the number of classes, or 0"):
        check_contract(Config(classes=-1), OptionalClassConfig, of="stripes")
