"""StyleGAN2 against its paper, and against the sizes of the authors' networks."""

from __future__ import annotations

import pytest
import torch

from ganzoo_stylegan.stylegan2.config import StyleGAN2Config
from ganzoo_stylegan.stylegan2.networks import Discriminator, Generator

F, AUTO = {}, {"base_width": 16384}


@pytest.mark.parametrize(
    ("config", "generator", "discriminator"),
    [
        ({**F, "resolution": 32, "mapping_layers": 2}, 19_947_539, 21_507_073),
        ({**F, "resolution": 32, "mapping_layers": 2, "classes": 10}, 20_215_315, None),
        ({**AUTO, "resolution": 64, "mapping_layers": 2}, 22_243_608, 23_407_361),
        ({**AUTO, "resolution": 64}, 23_819_544, 23_407_361),
        ({**AUTO, "resolution": 128}, 24_525_213, 23_882_369),
        ({**AUTO, "resolution": 256}, 24_767_458, 24_001_089),
        ({**AUTO, "resolution": 256, "classes": 3}, 25_031_650, None),
        ({**F, "resolution": 64}, 27_032_600, 26_488_833),
        ({**F, "resolution": 128}, 29_328_669, 28_389_121),
        ({**F, "resolution": 256}, 30_034_338, 28_864_129),
        ({**F, "resolution": 512}, 30_276_583, 28_982_849),
        ({**F, "resolution": 1024}, 30_370_060, 29_012_513),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_authors(config, generator, discriminator):
    with torch.device("meta"):
        networks = [kind(StyleGAN2Config(**config)) for kind in (Generator, Discriminator)]
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in networks]
    assert counts[0] == generator
    assert discriminator is None or counts[1] == discriminator
