"""The feature extractors of ganzoo: their inputs, their outputs, and the facts in their records and cards."""

import hashlib
import re
from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.weights_files import BundledFile, HubFile
from ganzoo.pretrained.files import weights_path
from ganzoo.registry import lookup
from ganzoo.testing import noise_data
from ganzoo_features.classifier import Classifier, prepare
from ganzoo_features.inception import Inception

CPU = torch.device("cpu")
CARDS = Path(__file__).parents[2] / "model_cards" / "features"
BUILTIN = [name for name in lookup.registry().feature_extractors if "/" not in name]
BUNDLED = ["mnist", "fashion-mnist"]


def noise(channels, side, count=4):
    return noise_data((channels, side, side), count).images


# --- records --------------------------------------------------------------------------------------


def test_what_there_is():
    assert {"inception", *BUNDLED} <= set(BUILTIN)


@pytest.mark.parametrize("name", BUILTIN)
def test_its_card_says_what_its_record_says(name):
    spec = lookup.registry().feature_extractors[name]
    facts = dict(re.findall(r"^\| ([^|]+?) \| (.+?) \|$", (CARDS / f"{name}.md").read_text(), re.MULTILINE))
    assert facts["sha256"] == f"`{spec.weights.sha256}`"
    assert facts["trained on"] == spec.dataset
    assert facts["features"] == str(spec.num_features)
    assert facts["classes"] == str(spec.num_classes)
    assert facts["license"] == spec.license
    assert facts["takes"] == spec.accepts
    assert facts["weights"].startswith("bundled" if isinstance(spec.weights, BundledFile) else f"`{spec.weights.repo}`")


@pytest.mark.parametrize(("name", "least"), [("mnist", 0.993), ("fashion-mnist", 0.92)])
def test_its_card_states_an_accuracy_that_is_enough(name, least):
    text = (CARDS / f"{name}.md").read_text()
    assert float(re.search(r"\| test accuracy \| ([\d.]+) % \|", text)[1]) / 100 >= least
    assert "reproduce/classifier.py" in text


def test_inception_is_pinned_where_the_file_is_whole():
    """On `main` of that repository, the file has only 293 bytes."""
    weights = lookup.registry().feature_extractors["inception"].weights
    assert isinstance(weights, HubFile)
    assert weights.revision == "6040b4d40fdcde446a0cf753b0527585b6b77c54"
    assert weights.size == 95_628_359
    assert weights.sha256[:8] in weights.filename


# --- the small classifiers ------------------------------------------------------------------------


@pytest.fixture(params=BUNDLED, scope="module")
def bundled(request):
    return load_extractor(request.param, device=CPU)


def test_bundled_weights_are_those_that_are_pinned_and_small():
    for name in BUNDLED:
        spec = lookup.registry().feature_extractors[name]
        path = weights_path(spec)
        assert path.stat().st_size < 1_000_000
        assert hashlib.sha256(path.read_bytes()).hexdigest() == spec.weights.sha256


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 28), (1, 32), (3, 64), (1, 7)])
def test_images_of_any_size_and_colour(bundled, channels, side):
    found = bundled(noise(channels, side))
    assert found.features.shape == (4, 128)
    assert found.logits.shape == (4, 10)
    assert (found.features >= 0).all()
    assert not found.logits.requires_grad
    assert not bundled.training


def test_grey_is_the_same_in_colour(bundled):
    grey = noise(1, 28)
    torch.testing.assert_close(bundled(grey).features, bundled(grey.expand(-1, 3, -1, -1)).features)


def test_each_image_is_looked_at_alone(bundled):
    images = noise(1, 32, 8)
    together = bundled(images).features
    torch.testing.assert_close(together[5:6], bundled(images[5:6]).features)


def test_what_is_28_pixels_wide_is_taken_as_it_is():
    grey = noise(1, 28)
    assert torch.equal(prepare(grey), grey.float() / 127.5 - 1)


def test_larger_images_are_made_smaller_with_antialiasing():
    """Lines of one pixel become gray. Without antialiasing, every fourth line would be taken."""
    lines = torch.zeros(1, 1, 112, 112, dtype=torch.uint8)
    lines[..., ::4] = 255
    inner = prepare(lines)[0, 0, 2:-2, 2:-2]
    assert inner.std() < 0.05
    assert inner.mean().item() == pytest.approx(-0.5, abs=0.02)


# --- Inception ------------------------------------------------------------------------------------


def test_inception_has_the_tensors_of_the_file():
    """The file has 566 tensors with 23,850,960 parameters. The test does not download it."""
    with torch.device("meta"):
        network = Inception()
    state = network.state_dict()
    assert len(state) == 566
    assert sum(parameter.numel() for parameter in network.parameters()) == 23_850_960
    assert state["fc.weight"].shape == (1008, 2048)
    shapes = {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Mixed_5b.branch5x5_1.bn.running_mean": (48,)}
    shapes |= {"Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1), "Mixed_6e.branch7x7dbl_5.bn.weight": (192,)}
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


@pytest.fixture(scope="module")
def inception():
    """The network with random weights."""
    torch.manual_seed(0)
    return Inception().eval()


def test_inception_is_torch_fidelitys(inception, tmp_path):
    """The same random weights give the same features and logits, including the resizing."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.save(inception.state_dict(), tmp_path / "weights.pth")
    names = ["2048", "logits_unbiased"]
    theirs = FeatureExtractorInceptionV3("x", names, feature_extractor_weights_path=str(tmp_path / "weights.pth"))
    images = noise(3, 40, 2)
    with torch.inference_mode():
        found, expected = inception(images), theirs(images)
    assert expected[0].std() > 0
    torch.testing.assert_close(found.features, expected[0])
    torch.testing.assert_close(found.logits, expected[1])


def test_inception_takes_grey_as_colour(inception):
    grey = noise(1, 8, 1)
    with torch.inference_mode():
        assert torch.equal(inception(grey).features, inception(grey.expand(-1, 3, -1, -1)).features)


def test_extractors_are_public_for_plugins():
    assert issubclass(Classifier, ganzoo.Extractor)
    assert issubclass(Inception, ganzoo.Extractor)
