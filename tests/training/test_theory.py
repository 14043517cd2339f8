"""The theory in pictures: densities, distances, and that the game ends where the theory says."""

import math

import pytest
import torch

from ganzoo import Loop, Trainer, load_data
from ganzoo.data.toy_distributions import Mixture
from ganzoo.images.films import save_animation
from ganzoo.registry import lookup
from ganzoo.training.plan import make_plan
from ganzoo.training.plots import draw_curves, draw_line, draw_plane, to_picture
from ganzoo.training.theory import BANDWIDTH, Field, Frame, field_of, measure, wasserstein
from ganzoo_datasets.points import POINTS

LINE = torch.linspace(-1, 1, 401)[:, None]
PLANE = torch.cartesian_prod(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64))
HALF = torch.full((401,), 0.5)


def sample(name, count=20_000, seed=1):
    return POINTS[name].sample(count, torch.Generator().manual_seed(seed))


def line_field(samples, probability=HALF):
    return field_of(POINTS["gaussian-1d"], samples, LINE, probability)


def test_densities_integrate_to_one():
    field = line_field(sample("gaussian-1d"))
    assert torch.trapezoid(field.data, LINE[:, 0]) == pytest.approx(1, abs=1e-3)
    assert torch.trapezoid(field.generated, LINE[:, 0]) == pytest.approx(1, abs=1e-3)
    plane = field_of(POINTS["ring"], sample("ring"), PLANE, torch.full((64 * 64,), 0.5))
    assert plane.data.sum() * (2 / 63) ** 2 == pytest.approx(1, abs=1e-2)
    assert plane.generated.sum() * (2 / 63) ** 2 == pytest.approx(1, abs=1e-2)


def test_a_density_is_that_of_the_kernels():
    """Of one sample at 0.1: a normal density of the bandwidth around it."""
    field = line_field(torch.tensor([[0.1]]))
    expected = torch.exp(-0.5 * ((LINE[:, 0] - 0.1) / BANDWIDTH) ** 2) / (BANDWIDTH * math.sqrt(2 * math.pi))
    assert torch.allclose(field.generated, expected, atol=1e-4)


def test_the_optimum_is_a_half_where_the_densities_are_equal():
    field = line_field(sample("gaussian-1d"))
    support = field.data > 0.1 * field.data.max()
    assert (field.optimum[support] - 0.5).abs().max() < 0.05


def test_the_optimum_by_hand():
    field = Field(LINE[:4], *map(torch.tensor, ([3.0, 0.0, 1.0, 0.0], [1.0, 2.0, 1.0, 0.0], [0.5] * 4)))
    assert field.optimum.tolist() == [0.75, 0, 0.5, 0.5]


def test_measures_by_hand():
    """Support: where p_data is at least a tenth of its greatest value, the first three points."""
    data, generated = torch.tensor([1.0, 0.5, 0.1, 0.05]), torch.tensor([1.0, 0.5, 0.3, 0.0])
    field = Field(LINE[:4], data, generated, torch.tensor([0.5, 0.6, 0.25, 0.9]))
    measures = measure(field, torch.zeros(5, 1), torch.ones(5, 1))
    assert measures == pytest.approx((0.1 / 3, 0.1, 0.35 / 3, 0.25, 1.0))
    assert "D(x) is 0.033 from the optimum p_data/(p_data+p_g) and 0.117 from 1/2" in str(measures)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_wasserstein_of_a_shift(shift):
    """On a line the shift itself; in the plane its mean projection, 2/pi of it."""
    points = sample("gaussian-1d", 1000)
    assert wasserstein(points, points[torch.randperm(1000)] + shift) == pytest.approx(shift, abs=1e-5)
    points = sample("ring", 1000)
    moved = points + torch.tensor([shift, 0.0])
    assert wasserstein(points, moved) == pytest.approx(shift * 2 / math.pi, abs=1e-4)


@pytest.mark.parametrize("latents", [None, 1])
def test_pictures_are_drawn(latents):
    """With and without arrows; a frame of the plane and one of the line."""
    for name, grid, draw in (("gaussian-1d", LINE, draw_line), ("grid", PLANE, draw_plane)):
        samples = sample(name, 500)
        field = field_of(POINTS[name], samples, grid, torch.rand(len(grid)))
        frame = Frame(7, field, samples, None if latents is None else torch.rand_like(samples), "caption")
        picture = to_picture(draw(frame))
        assert min(picture.size) >= 440
        assert len(set(picture.resize((64, 64)).get_flattened_data())) > 20


def test_curves_show_the_mean_and_the_band():
    """Ten thousand points become 400, each the mean of its stretch."""
    steps = torch.arange(10_000, dtype=torch.float64)
    figure = draw_curves({"g/loss": (steps, steps * 2), "D(x)": (steps[:3], steps[:3])})
    above, below = figure.axes
    [line], [short] = above.get_lines(), below.get_lines()
    assert len(line.get_xdata()) == 400
    assert line.get_ydata()[0] == pytest.approx(2 * sum(range(25)) / 25)
    assert list(short.get_ydata()) == [0, 1, 2]


def test_each_score_has_a_scale_of_its_own():
    steps = torch.arange(3, dtype=torch.float64)
    figure = draw_curves({"g/loss": (steps, steps), "fid": (steps, 100 * steps), "kid": (steps, steps / 100)})
    assert [axes.get_ylabel() for axes in figure.axes] == ["losses", "metrics", "fid", "kid"]
    assert list(figure.axes[2].get_lines()[0].get_ydata()) == [0, 100, 200]


def test_no_curves_at_all():
    assert len(draw_curves({}).axes) == 2


def test_animations_rest_at_their_end(tmp_path):
    from PIL import Image

    pictures = [Image.new("L", (4, 4), shade).convert("P") for shade in (0, 100, 200)]
    save_animation(pictures, tmp_path / "a.gif", milliseconds=100, rest=2000)
    with Image.open(tmp_path / "a.gif") as animation:
        durations = []
        for frame in range(animation.n_frames):
            animation.seek(frame)
            durations.append(animation.info["duration"])
    assert durations == [100, 100, 2100]


@pytest.mark.long
def test_the_generator_finds_the_data():
    """A tenth of the recipe: p_g is nearer to p_data than a quarter of its standard deviation."""
    plan = make_plan("gan", "gaussian-1d", iterations=200)
    torch.manual_seed(0)
    gan = lookup.create("gan", **plan.config)
    loop = Loop(gan, load_data("gaussian-1d", (1, 1, 1)), plan)

    def distance():
        with torch.no_grad():
            return wasserstein(gan.generator(gan.noise(5000)).flatten(1), sample("gaussian-1d", 5000))

    before = distance()
    list(loop)
    assert before > 0.15
    assert distance() < 0.06


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1])
def test_the_game_ends_where_the_theory_says(tmp_path, seed, caplog):
    """Theorem 1 of arXiv:1406.2661: D within 0.05 of 1/2 on the support, p_g within 0.02 of p_data."""
    caplog.set_level("INFO")
    run = Trainer("gan", "gaussian-1d", tmp_path / "run", seed=seed, device="cpu")
    told = {}
    run.training_run.log, log = lambda metrics: (told.update(metrics), log(metrics)), run.training_run.log
    run.run()
    assert told["D from half at most"] < 0.05
    assert told["p_g from p_data"] < 0.02
    assert told["D from optimum"] < 0.05
    assert Mixture(((0.0,),), 0.25) == run.training_run.data.mixture
