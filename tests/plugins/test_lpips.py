"""LPIPS: the distance of torch-fidelity, from the two pinned files."""

import dataclasses
import hashlib

import pytest
import torch
from safetensors.torch import save

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.weights_files import HubFile
from ganzoo.registry import lookup
from ganzoo.testing import noise_data
from ganzoo_features.lpips import STAGES, Lpips
from hub_server import Hub
from in_process import client_of

CPU = torch.device("cpu")
NARROW = (4, 8, 8, 8, 8)


@pytest.fixture(scope="module")
def lpips():
    """The network with random weights."""
    torch.manual_seed(0)
    network = Lpips().eval().requires_grad_(False)
    for weights in network.heads:
        weights.uniform_(0, 1)
    return network


@pytest.fixture(scope="module")
def torch_fidelitys(lpips):
    """torch-fidelity's distance with the same weights."""
    from torch_fidelity import sample_similarity_lpips as theirs
    from torchvision.models import vgg16

    with pytest.MonkeyPatch.context() as patch:
        with torch.device("meta"):
            backbone = vgg16()
        tensors = {f"features.{name}": tensor for name, tensor in lpips.features.state_dict().items()}
        backbone.load_state_dict(tensors, strict=False, assign=True)
        heads = {f"lin{i}.model.1.weight": weights.view(1, -1, 1, 1) for i, weights in enumerate(lpips.heads)}
        patch.setattr(theirs, "torchvision_load_pretrained_vgg16", lambda: backbone)
        patch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: heads)
        yield theirs.SampleSimilarityLPIPS


@pytest.mark.parametrize(("side", "resize"), [(64, None), (70, None), (32, 64)])
def test_it_is_torch_fidelitys(lpips, torch_fidelitys, side, resize):
    """Between 64 and 256 pixels as they are; smaller ones as torch-fidelity enlarges them."""
    images = noise_data((3, side, side), 4).images
    theirs = torch_fidelitys("lpips-vgg16", sample_similarity_resize=resize)
    found = lpips.distance(images[:2], images[2:])
    assert found.std() > 0
    torch.testing.assert_close(found, theirs(images[:2].float(), images[2:].float()).flatten())


def test_large_images_are_reduced_by_areas():
    lpips = Lpips(NARROW).requires_grad_(False)
    images = noise_data((3, 512, 512), 2).images.float()
    means = images.unflatten(3, (256, 2)).unflatten(2, (256, 2)).mean((3, 5))
    torch.testing.assert_close(lpips.distance(images[:1], images[1:]), lpips.distance(means[:1], means[1:]))


def test_shapes_are_kept(lpips):
    assert lpips.distance(*noise_data((1, 20, 40), 2).images.split(1)).shape == (1,)


def test_it_is_an_image_distance(lpips):
    assert isinstance(lpips, ganzoo.ImageDistance)
    assert not isinstance(load_extractor("mnist", device=CPU), ganzoo.ImageDistance)


def test_its_two_files_are_downloaded_and_joined(tmp_path):
    """VGG16 with its classifier, which is left out, and the heads: the names are those of the pinned files."""
    spec = lookup.registry().feature_extractors["lpips-vgg16"]
    torch.manual_seed(0)
    inputs = (3, *NARROW)
    backbone = {"head.fc.weight": torch.randn(10, 4), "pre_logits.fc1.weight": torch.randn(4, 5, 7, 7)}
    for stage, before, width in zip(STAGES, inputs, NARROW, strict=False):
        for place in stage:
            channels = before if place == stage[0] else width
            backbone[f"features.{place}.weight"] = torch.randn(width, channels, 3, 3)
            backbone[f"features.{place}.bias"] = torch.randn(width)
    heads = {f"{i}.weight": torch.rand(1, width, 1, 1) for i, width in enumerate(NARROW)}
    files = {"timm/vgg16": save(backbone), "vivym/lpips": save(heads)}
    with Hub() as hub, client_of(hub, tmp_path):
        pinned = [
            HubFile(
                repo=repo,
                revision=hub.add(repo, {"model.safetensors": content}),
                filename="model.safetensors",
                sha256=hashlib.sha256(content).hexdigest(),
            )
            for repo, content in files.items()
        ]
        served = dataclasses.replace(spec, build=lambda: Lpips(NARROW), weights=pinned[0], heads=pinned[1])
        lookup.registry().feature_extractors.put("ganzoo", served)
        network = load_extractor("lpips-vgg16", device=CPU)
        ganzoo.pull("lpips-vgg16")
    assert torch.equal(network.features["28"].bias, backbone["features.28.bias"])
    assert torch.equal(network.heads[4], heads["4.weight"].flatten())
