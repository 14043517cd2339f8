"""The layers of a network in order."""

from torch import nn

from ganzoo import testing
from ganzoo.interface.layers import layers_in_order


def test_containers_are_opened_and_norms_belong_to_the_layer_before():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.ReLU(),
        nn.ModuleList([nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.PReLU()]),
        nn.Flatten(),
        nn.Linear(2, 1),
    )
    kinds = [[type(module).__name__ for module in layer] for layer in layers_in_order(network)]
    assert kinds == [["Conv2d"], ["Conv2d", "BatchNorm2d", "PReLU"], ["Linear"]]


def test_a_norm_before_everything_is_a_layer_and_a_block_is_one_layer():
    norm, block = nn.LayerNorm(4), nn.TransformerEncoderLayer(4, 1)
    assert [list(layer) for layer in layers_in_order(nn.Sequential(norm, block))] == [[norm], [block]]


def test_progan_has_the_largest_resolution_first():
    gan = testing.tiny_gan("progan")
    (layers,) = gan.discriminator_layers().values()
    assert list(layers[0]) == [gan.discriminator.from_rgb[-1], gan.discriminator.blocks[-1]]
    assert list(layers[-1]) == [gan.discriminator.from_rgb[0], gan.discriminator.blocks[0]]
