"""Path lengths and diversity: torch-fidelity's numbers for the same images, and what is compared with what."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import ganzoo
from datasets import blobs, write_fashion_mnist, write_pictures
from extractors import register
from ganzoo.data.load import load_data
from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.image_sets import Part, Pictures
from ganzoo.evaluation.options import EvaluationOptions
from ganzoo.evaluation.pairs import DrawnPairs, Measure, picture_pairs, requests_of_pairs
from ganzoo.evaluation.path_length import path_length
from ganzoo.evaluation.report import facts, markdown, rows
from ganzoo.registry import lookup
from ganzoo.sampling.interpolation import slerp
from ganzoo.testing.tiny import tiny_model
from ganzoo_features.lpips import Lpips
from models import publish

NARROW = (4, 8, 8, 8, 8)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A narrow LPIPS with random weights, models, and folders of pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))
    publish(tmp_path / "model", "dcgan", {"resolution": 16, "channels": 1, "generator_width": 4})
    publish(tmp_path / "classes", "biggan", lookup.registry().architectures["biggan"].tiny, dataset="fashion-mnist")
    small = {"resolution": 32, "width": 4, "blocks": 1, "domains": ("day", "night")}
    publish(tmp_path / "translation", "cyclegan", small)
    write_pictures(tmp_path / "pictures", blobs(24, 32, seed=1, channels=3))
    return register("lpips-vgg16", tmp_path / "packages", monkeypatch, build=lambda: Lpips(NARROW))


class Linear(nn.Module):
    """A generator for torch-fidelity: the images of a model from its latent, as floats from 0 to 255."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, z):
        return self.model.generate({"z": z}).expand(-1, 3, -1, -1).add(1).mul(127.5)


def test_path_length_is_torch_fidelitys(here, monkeypatch):
    """The same ends of paths, from the same latents on a great circle, by the same distance."""
    import torch_fidelity
    from torch_fidelity import metric_ppl

    model, count = ganzoo.load("./model"), 24
    request = model.request()
    pairs = DrawnPairs(model, [request] * count, seed=0)
    found = path_length(pairs, Measure(here, Batches(size=10)), whole=False)
    latents = [each["z"] for each in pairs.draw(range(count))]
    monkeypatch.setattr(metric_ppl, "sample_random", lambda *_: latents.pop(0))
    monkeypatch.setattr(metric_ppl, "create_sample_similarity", lambda *_, **__: here.distance)
    monkeypatch.setattr(metric_ppl, "batch_interp", lambda a, b, t, _: slerp(a, b, torch.full((len(a),), t)))
    expected = torch_fidelity.calculate_metrics(
        input1=torch_fidelity.GenerativeModelModuleWrapper(Linear(model), latents[0].shape[1], "normal", 0),
        input1_model_num_samples=count,
        batch_size=10,
        ppl=True,
        ppl_sample_similarity_dtype="float32",
        ppl_epsilon=1e-4,
        ppl_reduction="none",
        ppl_discard_percentile_lower=None,  # its percentiles do not run with this NumPy
        ppl_discard_percentile_higher=None,
        cuda=False,
        verbose=False,
    )
    distances = np.sort(expected["perceptual_path_length_raw"])
    assert found.value == pytest.approx(distances.mean(), rel=1e-2)  # 24 distances have no outer percentiles
    assert found.value > 0


def test_path_length_of_a_straight_line_is_that_of_the_formula(here):
    """A generator whose images change by a known amount: d / e² is the same anywhere on the path."""
    model = ganzoo.load("./model")
    pairs = DrawnPairs(model, [model.request()] * 20, seed=3)

    class Change:
        """The squared mean difference of pixels, as a distance."""

        def parameters(self):
            return here.parameters()

        def distance(self, images, others):
            return (images.double() - others.double()).mean((1, 2, 3)).square()

    ends, whole = (path_length(pairs, Measure(Change(), Batches()), whole=each) for each in (False, True))
    assert ends.value > 0
    assert whole.value > 0
    assert whole.value != ends.value
    assert path_length(pairs, Measure(Change(), Batches(size=3)), whole=True).value == pytest.approx(
        whole.value, rel=0.05
    )


def test_outer_percentiles_are_left_out():
    """As in StyleGAN's code: of 1,000 distances, those below the 10th and above the 991st."""

    class Given:
        def map(self, what, count, compute):
            return [torch.arange(1000.0).square().double()]

    measure = Measure(Lpips(NARROW), Given())
    found = path_length(DrawnPairs(None, [None] * 1000, seed=0), measure, whole=False)
    expected = np.arange(9, 991.0) ** 2 / 1e-8
    assert found.value == pytest.approx(expected.mean())
    assert found.uncertainty == pytest.approx(expected.std() / 982**0.5)


PATHS = [name for name, spec in lookup.registry().architectures.items() if not spec.task.from_images]


@pytest.mark.parametrize("architecture", PATHS)
def test_every_architecture_with_latents_has_a_path(here, architecture):
    model = tiny_model(architecture)
    options = EvaluationOptions(subject="x", against="y", features=None)
    requests = requests_of_pairs(model, options, None, 4)
    pairs = DrawnPairs(model, requests, seed=0)
    for whole in (False, True):
        found = path_length(pairs, Measure(here, Batches(size=3)), whole=whole)
        assert 0 < found.value < float("inf")


def test_both_images_of_a_pair_are_of_one_class(here):
    model = ganzoo.load("./classes")
    options = EvaluationOptions(subject="x", against="y", features=None)
    requests = requests_of_pairs(model, options, None, 5)
    assert [request.label for request in requests] == [0, 1, 2, 0, 1]
    fixed = requests_of_pairs(model, EvaluationOptions(subject="x", against="y", features=None, label=2), None, 3)
    assert {request.label for request in fixed} == {2}


def test_real_pairs_are_of_one_class_too(tmp_path):
    for i, animal in enumerate(("cat", "dog")):
        write_pictures(tmp_path / animal, blobs(7, 16, seed=i, channels=3))
    data = load_data(str(tmp_path), (3, 16, 16), needs_labels=True)
    part = Part("animals", Pictures("animals", data))
    pairs = picture_pairs(part, of_one_class=True, seed=0)
    assert len(pairs) == 6, "three of each class"
    assert len(set(pairs.flatten().tolist())) == 12, "no picture is in two pairs"
    labels = data.labels[pairs]
    assert torch.equal(labels[:, 0], labels[:, 1])
    some = Part("some", part.images, [1, 3, 8, 9, 10])
    assert torch.equal(*data.labels[torch.tensor([1, 3, 8, 9, 10])][picture_pairs(some, of_one_class=True, seed=0)].T)
    assert len(picture_pairs(part, of_one_class=False, seed=0)) == 7


def test_an_evaluation_says_what_the_numbers_are(here):
    found = evaluate("./model", against="pictures", metrics=("ppl", "ppl-full", "lpips"), count=20)
    said = json.loads(json.dumps(found.as_json()))
    assert said["distance"]["name"] == "lpips-vgg16"
    assert said["distance"]["path"] == "z"
    table = rows(said)
    names = ["PPL, ends of paths (in z)", "PPL, whole paths (in z)", "LPIPS diversity"]
    assert [row["metric"] for row in table] == names
    assert [bool(row["floor"]) for row in table] == [False, False, True]
    assert facts(said)["distance"] == "lpips-vgg16 (trained on imagenet)"
    assert found.command == ("ganzoo evaluate ./model --against pictures -n 20 --seed 0 --metrics ppl,ppl-full,lpips")
    assert evaluate("./model", against="pictures", metrics=("lpips",), count=20).score("lpips") == found.score("lpips")


@pytest.mark.parametrize("metrics", [("ppl", "ppl-full"), ("lpips",)])
def test_no_real_images_are_needed(here, metrics):
    """The data set that the model has learned is not here, and is not read."""
    with pytest.raises(InvalidRequestError, match="say with --against"):
        evaluate("./model", metrics=(*metrics, "kid"), count=20)
    found = evaluate("./model", metrics=metrics, count=20)
    with_real = evaluate("./model", against="pictures", metrics=metrics, count=20)
    assert [score.value for score in found.scores] == [score.value for score in with_real.scores]
    said = json.loads(json.dumps(found.as_json()))
    assert said["against"] is None
    assert list(said["images"]) == ["judged"]
    assert said["command"] == f"ganzoo evaluate ./model -n 20 --seed 0 --metrics {','.join(metrics)}"
    assert "floor" not in rows(said)[0]
    assert facts(said)["against"] == "no real images, which these numbers do not need"
    assert "- reference: no real images" in markdown(said)
    assert any("no floor" in note for note in said["notes"]) == (metrics == ("lpips",))


def test_a_sheet_of_the_nearest_training_images_needs_real_images(here, tmp_path):
    with pytest.raises(InvalidRequestError, match="say with --against"):
        evaluate("./model", metrics=("ppl",), count=20, sheet=tmp_path / "sheet.png")


def test_without_captions_the_texts_are_the_examples_of_the_model(here, tmp_path):
    words = {"vocabulary": ("a", "hat"), "examples": ("a hat",)}
    publish(tmp_path / "texts", "dfgan", {**lookup.registry().architectures["dfgan"].tiny, **words})
    (warning,) = evaluate("./texts", metrics=("lpips",), count=20).warnings
    assert warning.endswith("because there are no real images - name a folder that has captions with --against")


def test_pictures_without_others_have_a_diversity(here):
    found = evaluate("pictures", metrics=("lpips",))
    assert found.score("lpips").value > 0
    assert found.score("lpips").baselines == {}


def test_the_diversity_of_equal_pictures_is_0(here, tmp_path):
    write_pictures(tmp_path / "same", blobs(1, 32, seed=1, channels=3).expand(20, -1, -1, -1))
    found = evaluate("same", against="pictures", metrics=("lpips",))
    assert found.score("lpips").value == 0
    assert found.score("lpips").baselines["floor"].value > 0.01


def test_pictures_without_classes_are_no_floor_for_a_model_with_classes(here):
    found = evaluate("./classes", against="pictures", metrics=("lpips",), count=20)
    assert found.score("lpips").baselines == {}
    assert [list(row) for row in rows(found.as_json())] == [["metric", "by lpips-vgg16 features", "plus_minus"]]


def test_classes_of_a_data_set_give_the_floor(here, tmp_path):
    write_fashion_mnist(tmp_path / "data", train=40, test=40)
    found = evaluate("./classes", against="fashion-mnist", metrics=("lpips",), count=20, data_dir=tmp_path / "data")
    assert found.score("lpips").baselines["floor"].value > 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"subject": "pictures", "metrics": ("ppl",)}, "a folder of pictures: there are no paths for ppl"),
        ({"subject": "./translation", "metrics": ("lpips",)}, "translates pictures: it has no latents for lpips"),
        ({"subject": "./translation", "metrics": ("ppl",), "against": None}, "it has no latents for ppl"),
        ({"metrics": ("ppl",), "against": None, "limit": 20}, "--limit is about real images"),
        ({"metrics": ("ppl",), "precision": "bf16"}, "ppl compares nearly equal images, which bf16 rounds away"),
    ],
)
def test_what_has_no_paths_is_refused(here, options, text):
    with pytest.raises(InvalidRequestError, match=text):
        evaluate(**{"subject": "./model", "against": "pictures", **options})
