"""The defects: what they do to images, that gradients pass, and settings that make no sense."""

import pytest
import torch

from ganzoo.errors import InvalidRequestError, UnknownNameError
from ganzoo.images.files import save_picture
from ganzoo.images.tensors import to_pictures
from ganzoo.registry import lookup
from ganzoo.sampling.degradations import make_damage

SHAPE = (3, 32, 24)
GOOD = ["noise=1.0", "box=2,3,4,5", "downsample=4", "blur=2", "gray", "grey"]


@pytest.mark.parametrize("text", GOOD)
def test_gradients_pass_and_images_are_independent(text):
    damage = make_damage(text, SHAPE)
    images = (torch.rand(2, *SHAPE, dtype=torch.float64) * 2 - 1).requires_grad_()
    damaged = damage.apply(images)
    assert damaged.shape[1:] == damage.shape
    (gradient,) = torch.autograd.grad(damaged[0].sum(), images)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0
    assert torch.allclose(damage.apply(images[1:]), damaged[1:])


def test_every_defect_is_described():
    found = lookup.registry().degradations
    assert {text.partition("=")[0] for text in GOOD} | {"mask"} == set(found)
    assert all(spec.summary for spec in found.values())


def test_noise_is_that_of_its_seed():
    damage, image = make_damage("noise=0.2", SHAPE), torch.zeros(SHAPE)
    one, again, other = (damage.inflict(image, seed) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.std() == pytest.approx(0.2, rel=0.05)
    assert make_damage("noise=9", SHAPE).inflict(image, 0).abs().max() == 1


def test_what_each_defect_does():
    image = torch.rand(1, *SHAPE) * 2 - 1
    small = make_damage("downsample=4", SHAPE).apply(image)
    assert small[0, 1, 2, 3] == pytest.approx(image[0, 1, 8:12, 12:16].mean().item(), abs=1e-6)
    constant = torch.full((1, *SHAPE), 0.3)
    assert torch.allclose(make_damage("blur=2", SHAPE).apply(constant), constant, atol=1e-6)
    assert make_damage("blur=2", SHAPE).apply(image).std() < 0.3 * image.std()
    assert make_damage("gray", SHAPE).apply(image)[0, 0, 0, 0] == pytest.approx(
        image[0, :, 0, 0].dot(torch.tensor([0.299, 0.587, 0.114])).item(), abs=1e-6
    )
    boxed = make_damage("box=2,3,4,5", SHAPE).apply(image)
    assert (boxed == 0).sum() == 3 * 4 * 5
    assert boxed[0, 0, 3, 2] == 0 != boxed[0, 0, 2, 2]


def test_a_mask_hides_what_is_black(tmp_path):
    path = tmp_path / "mask.png"
    mask = torch.ones(1, 1, 32, 24)
    mask[..., :10, :] = -1
    save_picture(to_pictures(mask)[0], path)
    image = torch.rand(1, *SHAPE) + 0.1
    masked = make_damage(f"mask={path}", SHAPE).apply(image)
    assert not masked[:, :, :10].any()
    assert torch.equal(masked[:, :, 10:], image[:, :, 10:])
    with pytest.raises(InvalidRequestError, match=r"mask.png has 32x24 pixels, and the pictures have 32x32 - resize"):
        make_damage(f"mask={path}", (1, 32, 32))
    save_picture(to_pictures(torch.ones_like(mask))[0], path)
    with pytest.raises(InvalidRequestError, match="has one color"):
        make_damage(f"mask={path}", SHAPE)


def test_several_defects_come_in_their_order():
    damage = make_damage(["gray", "downsample=2", "noise=0.1"], SHAPE)
    assert damage.shape == (1, 16, 12)
    assert damage.inflict(torch.zeros(SHAPE), 0).shape == (1, 16, 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("noise", "write noise=SIGMA"),
        ("noise=", "write noise=SIGMA"),
        ("noise=loud", "not a number above 0"),
        ("noise=-1", "not a number above 0"),
        ("noise=inf", "not a number above 0"),
        ("blur=20", "too wide"),
        ("gray=1", "write gray"),
        ("downsample=5", "does not divide"),
        ("downsample=1", "does not divide"),
        ("downsample=2.0", "does not divide"),
        ("box=1,2,3", "four whole numbers"),
        ("box=20,0,8,8", "no part of a picture that is 24 pixels wide and 32 high"),
        ("box=0,0,24,32", "no part of"),
        ("box=0,0,0,4", "no part of"),
        (["box=0,0,2,2", "noise=1"], "missing pixels come last"),
        (["gray", "gray"], "have none"),
    ],
)
def test_settings_that_make_no_sense(text, message):
    with pytest.raises(InvalidRequestError, match=message) as raised:
        make_damage(text, SHAPE)
    assert "\n" not in str(raised.value)


def test_an_unknown_degradation():
    with pytest.raises(UnknownNameError, match="did you mean noise"):
        make_damage("nois=1", SHAPE)
