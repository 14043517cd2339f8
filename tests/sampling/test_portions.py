"""Large batches in portions: each image once, in order, and never many large ones at a time."""

import torch

from ganzoo.sampling.portions import InPortions


class Recording:
    """Upscales its input, and records how many images it gets at a time."""

    def __init__(self, side):
        self.side, self.counts = side, []

    def __call__(self, inputs):
        self.counts.append(len(inputs["z"]))
        assert inputs["z"].tolist() == inputs["label"][:, None].tolist()
        return inputs["z"][:, :, None, None].expand(-1, 3, self.side, self.side)


def batch(count):
    return {"z": torch.arange(float(count))[:, None], "label": torch.arange(float(count))}


def test_every_image_is_generated_once_and_in_order():
    function = Recording(64)
    images = InPortions(function)(batch(40))
    assert images.shape == (40, 3, 64, 64)
    assert images[:, 0, 0, 0].tolist() == list(range(40))


def test_the_size_of_the_images_decides_how_many_there_are_at_a_time():
    function = Recording(64)
    generate = InPortions(function)
    generate(batch(40))
    assert function.counts == [1, 16, 16, 8]  # the first one shows the size
    generate(batch(40))
    generate(batch(16))
    assert function.counts[4:] == [16, 16, 8, 16]


def test_large_images_are_generated_one_by_one():
    function = Recording(512)
    InPortions(function)(batch(3))
    assert function.counts == [1, 1, 1, 1]


def test_a_single_image_is_generated_once():
    function = Recording(512)
    InPortions(function)(batch(1))
    assert function.counts == [1]


def test_inputs_of_another_shape_have_portions_of_their_own():
    function = Recording(64)
    generate = InPortions(function)
    generate(batch(20))
    function.side = 128
    wide = {**batch(20), "map": torch.zeros(20, 1, 128, 128)}
    generate(wide)
    assert function.counts == [1, 16, 4, 1, 4, 4, 4, 4, 4]
