"""Evaluations of models, translations and folders: which images are compared, caches, warnings and refusals."""

import dataclasses
import json

import pytest
import torch

import ganzoo
from datasets import blobs, write_fashion_mnist, write_pictures
from extractors import register
from ganzoo import ClassConditional
from ganzoo.data.load import load_data
from ganzoo.errors import DataError, InvalidRequestError, UnknownNameError, UsageError
from ganzoo.evaluation import features
from ganzoo.evaluation.caveats import OF_ONE_CLASS, about_copies
from ganzoo.evaluation.comparison import ReadOptions, compare
from ganzoo.evaluation.evaluate import evaluate
from ganzoo.evaluation.image_sets import Pictures, Samples, as_pictures, random_rows
from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.options import ALL_METRICS, EvaluationOptions
from ganzoo.evaluation.report import rows
from ganzoo.evaluation.result import Score
from ganzoo.registry import lookup
from ganzoo.registry.registry import Registry
from ganzoo.sampling.model import Model
from ganzoo_features.vit import DinoV2
from models import publish
from plugin_factory import declaring

FAST = {"metrics": ("is", "fid"), "is_splits": (1, 3)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A small Fashion-MNIST, models, and folders of pictures."""
    folder = tmp_path_factory.mktemp("place")
    write_fashion_mnist(folder / "data")
    grey = {"resolution": 16, "channels": 1, "generator_width": 4}
    small = {"resolution": 32, "width": 4, "blocks": 1, "domains": ("day", "night")}
    publish(folder / "model", "dcgan", grey, dataset="fashion-mnist")
    tiny = lookup.registry().architectures["biggan"].tiny
    publish(folder / "classes", "biggan", tiny, dataset="fashion-mnist")
    publish(folder / "animals-model", "biggan", tiny, dataset="animals", classes=("dog", "cat", "owl"))
    for i, animal in enumerate(("cat", "dog", "owl")):
        write_pictures(folder / "animals" / animal, blobs(24 + 2 * i, 32, seed=i, channels=3))
    publish(folder / "translation", "cyclegan", small, dataset="spots")
    for i, domain in enumerate(("trainA", "trainB", "testA", "testB")):
        write_pictures(folder / "pairs" / domain, blobs(20 + i, 32, seed=i, channels=3))
    write_pictures(folder / "pictures", blobs(40, 20, seed=5, channels=3))
    write_pictures(folder / "others", blobs(50, 24, seed=6, channels=3))
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch, tmp_path):
    monkeypatch.chdir(place)
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path / "assets"))


def comparison_of(subject, against, model, **options):
    chosen = EvaluationOptions(subject=subject, against=against, features="mnist", **options)
    return compare(chosen, model, reading=ReadOptions())


def counts(found):
    return {name: part["count"] for name, part in found.images.items()}


# --- what is compared -----------------------------------------------------------------------------


def test_a_model_against_what_it_learned():
    found = evaluate("./model", count=40)
    assert found.against == "fashion-mnist"
    assert found.images == {
        "judged": {"what": "samples of ./model", "count": 40},
        "floor": {"what": "fashion-mnist, test images", "count": 30},
        "reference": {"what": "fashion-mnist, training images", "count": 60},
    }
    assert found.features["name"] == "fashion-mnist"
    assert {score.metric for score in found.scores} >= {"is/1", "clarity", "variety", "fid", "kid", "precision"}
    assert found.score("fid").value > 2 * found.score("fid").baselines["floor"].value > 0
    assert found.score("fid").baselines["floor"].value > 0
    assert found.command == "ganzoo evaluate ./model --against fashion-mnist --features fashion-mnist -n 40 --seed 0"


def test_samples_at_a_truncation():
    found = evaluate("./classes", count=40, truncation=0.1, **FAST)
    assert found.images["judged"]["what"] == "samples of ./classes, truncation 0.1"
    assert "--truncation 0.1" in found.command
    assert found.score("fid").value != evaluate("./classes", count=40, **FAST).score("fid").value


def test_samples_of_one_class_against_that_class(tmp_path):
    write_fashion_mnist(tmp_path, train=200, test=120)
    found = evaluate("./classes", count=40, label=2, data_dir=tmp_path, **FAST)
    assert found.images == {
        "judged": {"what": "samples of ./classes, class 2", "count": 40},
        "floor": {"what": "fashion-mnist, test images, class Pullover", "count": 12},
        "reference": {"what": "fashion-mnist, training images, class Pullover", "count": 20},
    }
    assert "--class 2" in found.command
    assert any(OF_ONE_CLASS in text for text in found.warnings)


def test_the_class_is_found_by_its_name_and_halved_in_a_folder():
    model = ganzoo.load("./animals-model")
    comparison = comparison_of("x", "animals", model, count=15, label="cat")
    floor, reference = comparison.baselines["floor"], comparison.evaluated.reference
    data = reference.images.data
    assert {data.classes[data.labels[row]] for part in (reference, *floor) for row in part.rows} == {"cat"}
    assert (reference.size, floor.images.size, floor.reference.size) == (24, 12, 12)
    assert not set(floor.images.rows) & set(floor.reference.rows)
    samples = torch.cat(list(comparison.evaluated.images.images.batches(7)))
    assert torch.equal(samples, as_pictures(model.sample(15, label=1)))


def test_a_class_of_nearly_the_same_name_is_another(tmp_path):
    for name in ("catfish", "dogfish"):
        write_pictures(tmp_path / "sea" / name, blobs(12, 32, seed=3, channels=3))
    with pytest.raises(InvalidRequestError, match="sea has no class 'cat'"):
        evaluate("./animals-model", against=tmp_path / "sea", label="cat", count=20, features="mnist", **FAST)


def test_a_class_that_is_called_as_a_number(tmp_path):
    for name in ("1", "2"):
        write_pictures(tmp_path / "numbers" / name, blobs(12, 32, seed=3, channels=3))
    tiny = lookup.registry().architectures["biggan"].tiny
    model = ganzoo.load(publish(tmp_path / "model", "biggan", tiny, classes=("2", "1", "0")))
    source = str(tmp_path / "numbers")
    comparison = comparison_of("x", source, model, count=10, label=1)
    assert comparison.evaluated.reference.name.endswith("class 1")


def test_a_folder_of_pictures_against_another():
    found = evaluate("pictures", against="others", features="mnist", **FAST)
    assert counts(found) == {"judged": 40, "floor": 25, "reference": 50}
    assert found.images["floor"]["what"] == "one half of others"
    assert set(found.score("fid").baselines) == {"floor"}


def test_a_model_is_what_its_picture_files_are(tmp_path):
    for seed, picture in enumerate(ganzoo.load("./model").images(30, seed=7)):
        (tmp_path / "samples").mkdir(exist_ok=True)
        picture.save(tmp_path / "samples" / f"{seed:04d}.png")
    model = evaluate("./model", seed=7, count=30, **FAST)
    files = evaluate(tmp_path / "samples", against="fashion-mnist", seed=7, **FAST)
    assert [s.value for s in files.scores] == pytest.approx([s.value for s in model.scores], rel=1e-3)


def test_the_halves_of_a_folder_have_nothing_in_common():
    [floor] = comparison_of("pictures", "others", None, count=15).baselines.values()
    assert (floor.images.size, floor.reference.size) == (15, 25)
    assert not set(floor.images.rows) & set(floor.reference.rows)


@pytest.mark.parametrize(("direction", "source", "target"), [("day2night", "A", "B"), ("night2day", "B", "A")])
def test_a_translation_against_what_it_should_look_like(direction, source, target):
    found = evaluate("./translation", against="pairs", direction=direction, features="mnist", **FAST)
    assert {name: part["what"] for name, part in found.images.items()} == {
        "judged": f"pairs, test{source}, translated {direction}",
        "reference": f"pairs, train{target}",
        "floor": f"pairs, test{target}",
        "untranslated": f"pairs, test{source}, as they are",
    }
    assert set(found.score("fid").baselines) == {"floor", "untranslated"}
    assert f"--direction {direction}" in found.command


def test_a_translation_where_there_is_but_one_pair_of_domains(tmp_path):
    for i, domain in enumerate(("testA", "testB")):
        write_pictures(tmp_path / domain, blobs(20 + 4 * i, 32, seed=i, channels=3))
    found = evaluate("./translation", against=tmp_path, features="mnist", **FAST)
    assert counts(found) == {"judged": 20, "floor": 12, "untranslated": 20, "reference": 24}


def test_translations_are_those_that_the_model_makes():
    model = ganzoo.load("./translation")
    comparison = comparison_of("x", "pairs", model, count=3, direction="night2day")
    images = comparison.evaluated.images.images
    sources = load_data("pairs/testB", (3, 32, 32)).images[:3]
    expected = model.translate(sources / 127.5 - 1, direction="night2day")
    together = torch.cat(list(images.batches(2)))
    assert (together.float() - (expected + 1) * 127.5).abs().max() <= 1
    assert torch.equal(images.take([2]), together[2:3])


class Striped(ganzoo.GAN):
    """Class-conditional, by hand: class k is k rows of white."""

    def __init__(self):
        super().__init__()
        self.generator = torch.nn.Linear(1, 1)

    def optimizers(self):
        return {}

    def training_step(self, batches):
        return iter(())

    def draw(self, request, random):
        label = request.label if request.label is not None else int(torch.randint(0, 8, (1,), generator=random))
        return {"label": torch.tensor(label)}

    def generate(self, inputs):
        rows = torch.arange(8)[None, None, :, None].expand(len(inputs["label"]), 1, 8, 8)
        return torch.where(rows < inputs["label"][:, None, None, None], 1.0, -1.0)


def test_a_class_conditional_model_is_sampled_in_all_classes():
    @dataclasses.dataclass(frozen=True)
    class Config:
        image_shape = (1, 8, 8)

    model = Model(Striped(), ClassConditional, Config())
    comparison = comparison_of("x", "pictures", model, count=100)
    images = torch.cat(list(comparison.evaluated.images.images.batches(30)))
    assert set((images > 0).sum((1, 2, 3)).tolist()) == {8 * k for k in range(8)}


# --- the same again -------------------------------------------------------------------------------


def looked_at(**options):
    """The image sets whose features were extracted, and the evaluation."""
    sets = []
    found = evaluate("./model", count=30, progress=lambda what, done, total: sets.append(what), **options)
    return dict.fromkeys(sets), found


def test_the_second_run_gives_the_same_numbers_and_looks_at_no_data_again():
    first_sets, first = looked_at()
    second_sets, second = looked_at()
    assert len(first_sets) == 3
    assert list(second_sets) == ["sampling"]
    assert second.as_json() == first.as_json()
    assert len(looked_at(features="mnist", **FAST)[0]) == 3, "other weights, other features"


def test_another_seed_is_another_sample():
    values = [evaluate("./model", count=30, seed=seed, **FAST).score("fid").value for seed in (0, 100)]
    assert values[0] != values[1]


def test_what_is_kept_is_mended_when_it_is_damaged(tmp_path):
    looked_at(**FAST)
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 2
    data = bytearray(files[0].read_bytes())
    data[-5] ^= 1
    files[0].write_bytes(data)
    sets, _ = looked_at(**FAST)
    assert len(sets) == 2, "the damaged one and the samples"
    assert len(looked_at(**FAST)[0]) == 1


def test_the_cache_may_be_unwritable(monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features, "write_tensors", full)
    assert evaluate("./model", count=30, **FAST).score("fid").value > 0


def test_pictures_on_disk_are_known_by_their_content(tmp_path, monkeypatch):
    monkeypatch.setattr("ganzoo.data.folders.MEMORY_BYTES", 1)

    def digest():
        return Pictures("x", load_data(str(tmp_path), (3, 20, 20))).digest()

    write_pictures(tmp_path, blobs(12, 20, seed=1, channels=3))
    first = digest()
    assert digest() == first
    (tmp_path / "0003.png").write_bytes((tmp_path / "0004.png").read_bytes())
    assert digest() != first


def test_memory_holds_a_batch_of_images():
    sizes = []
    images = Samples("sampling", ganzoo.load("./model"), 25, seed=0)
    batches = images.batches(10)
    for batch in batches:
        sizes.append(len(batch))
        assert batch.dtype == torch.uint8
    assert sizes == [10, 10, 5]
    assert iter(batches) is batches, "made as they are asked for"


# --- memorization ---------------------------------------------------------------------------------


def test_copies_are_found_and_shown_beside_their_originals(tmp_path):
    """Five of the pictures are training images."""
    real = blobs(50, 24, seed=6, channels=3)
    write_pictures(tmp_path / "mine", torch.cat([blobs(20, 24, seed=9, channels=3), real[10:15]]))
    found = evaluate(
        tmp_path / "mine",
        against="others",
        features="mnist",
        metrics=("authenticity",),
        is_splits=(),
        sheet=tmp_path / "sheet.png",
    )
    assert {(c.image, c.training_image) for c in found.copies[:5]} == {(20 + i, 10 + i) for i in range(5)}
    assert found.copies[4].ratio < 0.05 < found.copies[5].ratio
    assert found.score("authenticity").value <= 0.8
    from PIL import Image

    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = torch.tensor(list(sheet.convert("L").get_flattened_data())).view(sheet.height, sheet.width)
    side, gap = 48, 1
    left, right = (pixels[gap : gap + side, x : x + side] for x in (gap, 2 * gap + side))
    assert torch.equal(left, right)
    assert left.float().std() > 10


# --- what is said of it ---------------------------------------------------------------------------


def test_all_caveats_are_one_line_that_names_the_number_to_read():
    [text] = evaluate("./model", count=30, is_splits=(1, 10), features="mnist").warnings
    assert text.startswith("read KID, which is unbiased, and its ± - ")
    assert "FID of 30 images says little" in text
    assert "classes of mnist, not of fashion-mnist" in text
    assert "IS with 10 splits has 3 images in each" in text
    assert "subsets of 30 images" in text
    assert "\n" not in text


def test_a_number_to_read_that_was_not_computed_is_one_to_add():
    [text] = evaluate("./model", count=30, metrics=("fid",), features="mnist").warnings
    assert text.startswith("read KID (add it with --metrics), which is unbiased")


@pytest.mark.parametrize(("value", "warned"), [(0.0, True), (0.2, True), (0.29, False), (0.6, False)])
def test_copies_are_warned_of(value, warned):
    score = Score("authenticity", value, 0.02, {"floor": Estimate(0.6, 0.02)})
    texts = list(about_copies([Score("fid", 0.1, None, {}), score]))
    assert len(texts) == warned
    assert all("copies of training images" in text and "--sheet" in text for text in texts)


def test_exact_training_images_are_called_copies(tmp_path):
    write_pictures(tmp_path / "mine", blobs(50, 24, seed=6, channels=3)[:30])
    found = evaluate(tmp_path / "mine", against="others", features="mnist", metrics=("authenticity",), is_splits=())
    assert found.score("authenticity").value == 0
    assert any("copies of training images" in text for text in found.warnings)


def test_no_caveats_where_none_are_due(monkeypatch):
    for name in ("FEW", "IMAGES_A_CLASS", "KID_SUBSET_SIZE"):
        monkeypatch.setattr(f"ganzoo.evaluation.caveats.{name}", 1)
    monkeypatch.setattr("ganzoo.evaluation.caveats.USUAL_SPLIT", 1)
    spec = dataclasses.replace(lookup.registry().feature_extractors["fashion-mnist"], num_features=8)
    lookup.registry().feature_extractors.put("ganzoo", spec)
    assert evaluate("./model", count=30).warnings == []


def test_its_json_says_all_that_a_card_quotes():
    found = evaluate("./model", count=30, **FAST)
    said = json.loads(json.dumps(found.as_json()))
    assert said["scores"]["fid"]["value"] == pytest.approx(found.score("fid").value, rel=1e-6)
    assert set(said["scores"]["fid"]) == {"value", "uncertainty", "floor"}
    assert said["features"]["weights_sha256"] == lookup.registry().feature_extractors["fashion-mnist"].weights.sha256
    assert {"subject", "against", "seed", "images", "warnings", "command"} <= set(said)


# --- features of others ---------------------------------------------------------------------------


def registry_with(spec):
    registry = Registry.discover()
    plugin = registry.load("acme", "mine", lambda: declaring(feature_extractors=[spec]))
    registry.check_references()
    return registry, plugin


def test_a_plugin_brings_its_own_features():
    mnist = lookup.registry().feature_extractors["mnist"]
    registry, _ = registry_with(dataclasses.replace(mnist, name="mine", dataset="others"))
    lookup.use(registry)
    found = evaluate("pictures", against="others", **FAST)
    assert found.features == {
        "name": "mine",
        "trained_on": "others",
        "features": 128,
        "classes": 10,
        "weights_sha256": mnist.weights.sha256,
    }
    assert not any("classes of" in text for text in found.warnings), "they were trained on what they judge"


def test_features_without_classes(tmp_path, monkeypatch):
    """All numbers but those of classes, from the cache too; a wish for IS is refused."""
    register("dinov2-vit-s-14", tmp_path, monkeypatch, build=lambda: DinoV2(64, 1), num_features=64)
    found = evaluate("pictures", against="others", features="dinov2-vit-s-14")
    names = [score.metric for score in found.scores]
    assert names == ["fid", "kid", "precision", "recall", "density", "coverage", "authenticity"]
    assert rows(found.as_json())[0]["metric"] == "FID (dinov2-vit-s-14)"
    assert found.command.endswith("--metrics fid,kid,prdc,authenticity")
    assert len(list((tmp_path / "assets").rglob("*.safetensors"))) == 2
    assert evaluate("pictures", against="others", features="dinov2-vit-s-14").scores == found.scores
    with pytest.raises(InvalidRequestError, match="dinov2-vit-s-14 is no classifier, so there is no IS by it"):
        evaluate("pictures", against="others", features="dinov2-vit-s-14", metrics=("is", "fid"))


def test_a_plugin_without_its_weights_is_set_aside():
    mnist = lookup.registry().feature_extractors["mnist"]
    weights = dataclasses.replace(mnist.weights, path="weights/absent.safetensors")
    registry, plugin = registry_with(dataclasses.replace(mnist, name="mine", weights=weights))
    assert plugin in registry.broken
    assert "the package ganzoo_features has no file weights/absent.safetensors" in plugin.problem
    assert "mine" not in registry.feature_extractors


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"subject": "no-such-model"}, UnknownNameError, "no-such-model"),
        ({"subject": "pictures"}, InvalidRequestError, "--against"),
        ({"subject": "./translation"}, InvalidRequestError, "learned spots, which is not here"),
        ({"against": "no-such-set"}, UnknownNameError, "no-such-set"),
        ({"metrics": ("fdi",)}, UnknownNameError, "fid"),
        ({"metrics": ()}, InvalidRequestError, "name one of is, fid"),
        ({"features": "inceptoin"}, UnknownNameError, "inception"),
        ({"is_splits": (0,)}, InvalidRequestError, "at least 1 split"),
        ({"is_splits": (40,)}, InvalidRequestError, "cannot be split into 40"),
        ({"count": 5}, InvalidRequestError, "too few"),
        ({"count": -1}, InvalidRequestError, "count"),
        ({"seed": -1}, InvalidRequestError, "seed"),
        ({"device": "toaster"}, InvalidRequestError, "toaster"),
        ({"direction": "day2night"}, InvalidRequestError, "takes no direction"),
        ({"truncation": 0.5}, InvalidRequestError, "takes no truncation"),
        ({"subject": "./classes", "truncation": 2}, InvalidRequestError, "at most 1"),
        ({"subject": "pictures", "against": "others", "truncation": 1}, InvalidRequestError, "takes no truncation"),
        ({"label": 1}, InvalidRequestError, r"takes no label \(--class\)"),
        ({"subject": "./classes", "label": 3}, InvalidRequestError, "its classes are 0 to 2"),
        ({"subject": "./classes", "label": 1, "against": "pictures"}, InvalidRequestError, "pictures has no classes"),
        (
            {"subject": "./animals-model", "label": "owl", "against": "fashion-mnist"},
            InvalidRequestError,
            "no class 'owl'",
        ),
        ({"subject": "pictures", "against": "others", "label": 1}, InvalidRequestError, "takes no class"),
        ({"subject": "./translation", "against": "others"}, InvalidRequestError, "has no domains"),
        ({"subject": "./translation", "against": "pairs", "direction": "day2day"}, InvalidRequestError, "day2day"),
        ({"subject": "./no-such-folder"}, UnknownNameError, "no folder"),
    ],
)
def test_refused_with_one_line(options, error, text):
    with pytest.raises(error, match=text) as caught:
        evaluate(**{"subject": "./model", "count": 30, **options})
    assert issubclass(error, UsageError)
    assert "\n" not in str(caught.value)


def test_points_are_no_pictures():
    with pytest.raises(DataError, match="gaussian-1d holds points"):
        evaluate("./model", against="gaussian-1d", count=30)


def test_a_folder_without_pictures(tmp_path):
    with pytest.raises(InvalidRequestError, match="holds no picture"):
        evaluate(tmp_path, against="others", features="mnist")
    with pytest.raises(DataError, match="holds no readable image"):
        evaluate("./model", against=tmp_path, count=30, features="mnist")


def test_every_metric_is_in_the_help():
    from click.testing import CliRunner

    from ganzoo.cli.main import cli

    text = " ".join(CliRunner().invoke(cli, ["evaluate", "--help"]).output.split())
    assert ",".join(ALL_METRICS) in text.replace("- ", "-"), "lines are broken at hyphens"


def test_random_rows_are_different_rows_and_the_same_each_time():
    rows = random_rows(30, 100, seed=1)
    assert len(set(rows)) == 30
    assert rows == random_rows(30, 100, seed=1) != random_rows(30, 100, seed=2)
    assert random_rows(5, 3, seed=1) == [0, 1, 2]
