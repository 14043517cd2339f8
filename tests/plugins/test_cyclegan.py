"""CycleGAN: its losses, the history of images, the sizes of its networks, and its directions."""

import copy

import pytest
import torch
from torch import nn

from ganzoo import ImageToImage, Model, diffuse, testing
from ganzoo.distributed.global_batch import global_batch
from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import InvalidConfigError, InvalidRequestError
from ganzoo.interface.gan import keep_published
from ganzoo.pretrained.load import load
from ganzoo.registry import lookup
from ganzoo.weights.folder import Description, write_folder
from ganzoo_cyclegan import pool as pools
from ganzoo_cyclegan.pool import ImagePool
from ganzoo_cyclegan.variation import truncated_variation

TINY = lookup.registry().architectures["cyclegan"].tiny


def build(**config):
    with torch.device("meta"):
        return lookup.create("cyclegan", **config)


def config(**values):
    return lookup.check_config("cyclegan", values)[0]


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


# --- losses --------------------------------------------------------------------------------------


class Line(nn.Module):
    """x -> scale * x + shift, instead of a network."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.tensor(scale)), nn.Parameter(torch.tensor(shift))

    def forward(self, x):
        return self.scale * x + self.shift


def lines(*, a_to_b, b_to_a, **config):
    gan = lookup.create("cyclegan", **TINY, **config)
    gan.a_to_b, gan.b_to_a, gan.discriminator_a, gan.discriminator_b = (
        Line(*a_to_b),
        Line(*b_to_a),
        Line(2.0, 0.0),
        Line(1.0, 0.0),
    )
    return gan


def step(gan, a, b, count=1):
    shape = (count, *gan.config.image_shape)
    return gan.training_step(iter([{"a": torch.full(shape, a), "b": torch.full(shape, b)}]))


def values(update):
    return {name: loss.item() for name, loss in update.losses.items()}


def test_losses_by_hand():
    """G(x) = 2x + 0.1, F(y) = y/2 - 0.3, D_X(x) = 2x and D_Y(y) = y at x = 0.2 and y = -0.4."""
    gan = lines(a_to_b=(2.0, 0.1), b_to_a=(0.5, -0.3))
    generators, discriminators = step(gan, 0.2, -0.4)
    assert (generators.group, discriminators.group) == ("generators", "discriminators")
    # G(x) = 0.5 and F(y) = -0.5
    assert values(generators) == pytest.approx(
        {
            "fool_a": (2 * -0.5 - 1) ** 2,
            "fool_b": (0.5 - 1) ** 2,
            "cycle_a": 10 * 0.25,  # F(0.5) = -0.05
            "cycle_b": 10 * 0.5,  # G(-0.5) = -0.9
            "identity_a": 5 * 0.4,  # F(0.2) = -0.2
            "identity_b": 5 * 0.3,  # G(-0.4) = -0.7
        }
    )
    # half of what least squares is, as section 4 divides the discriminators' objective by 2
    assert values(discriminators) == pytest.approx(
        {"a": ((0.4 - 1) ** 2 + (-1.0) ** 2) / 2, "b": ((-0.4 - 1) ** 2 + 0.5**2) / 2}
    )


def test_weights_of_the_losses():
    plain = values(next(step(lines(a_to_b=(2.0, 0.1), b_to_a=(0.5, -0.3)), 0.2, -0.4)))
    weights = {"cycle_weight": 1.0, "identity_weight": 2.0, "adversarial_weight": 1.0}
    other = values(next(step(lines(a_to_b=(2.0, 0.1), b_to_a=(0.5, -0.3), **weights), 0.2, -0.4)))
    factors = {"fool": 1 / 2, "cycle": 1 / 10, "identity": 2 / 5}
    assert other == pytest.approx({name: plain[name] * factors[name.partition("_")[0]] for name in plain})


def test_cycle_and_identity_vanish_for_identity_generators():
    losses = values(next(step(lines(a_to_b=(1.0, 0.0), b_to_a=(1.0, 0.0)), 0.2, -0.4)))
    assert [losses[f"{term}_{domain}"] for term in ("cycle", "identity") for domain in "ab"] == [0, 0, 0, 0]
    assert losses["fool_a"] > 0


def test_the_cycle_vanishes_for_inverses():
    losses = values(next(step(lines(a_to_b=(2.0, 0.5), b_to_a=(0.5, -0.25)), 0.25, -0.5)))
    assert losses["cycle_a"] == losses["cycle_b"] == 0
    assert losses["identity_a"] > 0


def test_without_its_weight_there_is_no_identity_loss():
    losses = next(step(lines(a_to_b=(1.0, 0.0), b_to_a=(1.0, 0.0), identity_weight=0.0), 0.2, -0.4)).losses
    assert losses.keys() == {"fool_a", "fool_b", "cycle_a", "cycle_b"}


# --- the truncated total variation ---------------------------------------------------------------


def test_first_differences_by_hand():
    """Rows 0, 3, 3 and 1, 3, 9: downward |1|, 0 and 6; to the right 3, 0, 2 and 6. The limit is 4."""
    image = torch.tensor([[0.0, 3.0, 3.0], [1.0, 3.0, 9.0]])[None, None]
    value = truncated_variation(image, 1, 4.0)
    assert value.item() == pytest.approx((1 + 0 + 4) / 3 + (3 + 0 + 2 + 4) / 4)


def test_gradients_of_first_differences_by_hand():
    """A difference pulls both its pixels together with 1 / (number of differences); one above the limit does not."""
    image = torch.tensor([[0.0, 3.0, 9.0]] * 2)[None, None].requires_grad_()
    truncated_variation(image, 1, 4.0).backward()
    assert image.grad.tolist() == [[[[-0.25, 0.25, 0.0]] * 2]]


def test_second_differences_leave_an_even_shade():
    image = torch.arange(5.0).expand(1, 1, 3, 5).clone().requires_grad_()
    assert truncated_variation(image, 2, 10.0).item() == 0
    assert truncated_variation(image, 1, 10.0).item() == 1
    bent = torch.tensor([[0.0, 1.0, 5.0]] * 3)[None, None].requires_grad_()  # 0 - 2 * 1 + 5 = 3
    value = truncated_variation(bent, 2, 10.0)
    value.backward()
    assert value.item() == 3
    assert torch.allclose(bent.grad, torch.tensor([1.0, -2.0, 1.0]).expand(3, 3) / 3)


def test_variation_of_generated_images_by_hand():
    """G(x) = 2x and F(y) = y/2, with an edge of 0.2 in x, so that 0.4 counts as 0.3; y is flat but for one column."""
    weights = {"variation_weights": (3.0, 5.0), "variation_orders": (2, 1), "variation_limit": 0.3}
    gan = lines(a_to_b=(2.0, 0.0), b_to_a=(0.5, 0.0), **weights)
    a, b = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    a[..., 8:], b[..., 4] = 0.2, 0.2
    losses = values(next(gan.training_step(iter([{"a": a, "b": b}]))))
    assert losses["variation_b"] == pytest.approx(5 * 0.3 / 15)
    assert losses["variation_a"] == pytest.approx(3 * (0.1 + 0.2 + 0.1) / 14)


@pytest.mark.parametrize("weights", [{}, {"variation_weights": (0.0, 2.0)}])
def test_a_weight_of_zero_is_no_variation(weights):
    losses = next(step(lines(a_to_b=(1.0, 0.0), b_to_a=(1.0, 0.0), **weights), 0.2, -0.4)).losses
    assert {name for name in losses if "variation" in name} == ({"variation_b"} if weights else set())


# --- anisotropic diffusion -----------------------------------------------------------------------


def test_diffusion_ends_the_generator_of_its_domain():
    plain, flat = (lookup.create("cyclegan", **TINY, diffusion_steps=steps) for steps in ((0, 0), (0, 3)))
    flat.load_state_dict(plain.state_dict())  # it has no weights
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert torch.equal(flat.generate({"a": images}), diffuse(plain.generate({"a": images}), 3, 0.2))
        assert torch.equal(flat.generate({"b": images}), plain.generate({"b": images}))


def test_discriminators_without_norms_see_contrast():
    """An instance norm divides by the contrast, so that a tenth of it gives nearly the same logits."""
    torch.manual_seed(0)
    image = torch.rand(1, 3, 16, 16)
    ratios = []
    for norm in (True, False):
        gan = lookup.create("cyclegan", **TINY, discriminator_norm=norm)
        gan.discriminator_a.apply(lambda m: nn.init.normal_(m.weight) if isinstance(m, nn.Conv2d) else None)
        with torch.no_grad():
            ratios.append((gan.discriminator_a(image / 10).std() / gan.discriminator_a(image).std()).item())
    assert ratios[0] > 0.9
    assert ratios[1] == pytest.approx(0.1)


def test_padding_by_reflection_keeps_an_even_image_even():
    config = {"upsampling": "nearest", "down_padding": "reflect", "up_padding": "reflect"}
    gan = lookup.create("cyclegan", width=2, blocks=1, **config)
    gan.apply(lambda m: nn.init.normal_(m.weight) if isinstance(m, nn.Conv2d) else None)
    with torch.no_grad():
        made = gan.a_to_b(torch.full((1, 3, 16, 16), 0.5))
    assert (made - made[..., :1, :1]).abs().max() < 1e-5


def test_each_side_learns_in_its_own_update():
    gan = testing.tiny_gan("cyclegan")
    makers = [*gan.a_to_b.parameters(), *gan.b_to_a.parameters()]
    discriminators = [*gan.discriminator_a.parameters(), *gan.discriminator_b.parameters()]
    updates = step(gan, 0.2, -0.4, count=2)
    sum(next(updates).losses.values()).backward()
    assert all(p.grad is None for p in discriminators)
    assert all(p.grad is not None for p in makers)
    gan.zero_grad()
    sum(next(updates).losses.values()).backward()
    assert all(p.grad is None for p in makers)
    assert all(p.grad is not None for p in discriminators)


def test_judges_are_shown_their_own_domain():
    *_, update = step(lines(a_to_b=(2.0, 0.1), b_to_a=(0.5, -0.3)), 0.2, -0.4)
    shown = {j.name: (j.real.mean().item(), j.fake.mean().item()) for j in update.discriminators}
    assert shown == {"a": pytest.approx((0.2, -0.5)), "b": pytest.approx((-0.4, 0.5))}


def test_appendix_7_1_initialisation_and_optimizers():
    torch.manual_seed(0)
    gan = lookup.create("cyclegan", resolution=64, width=16, discriminator_width=16)
    convolutions = [m for m in gan.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    weights = torch.cat([c.weight.detach().flatten() for c in convolutions])
    assert weights.mean().abs() < 1e-4
    assert weights.std().item() == pytest.approx(0.02, rel=0.01)
    assert all(not c.bias.any() for c in convolutions)
    for optimizer in gan.optimizers().values():
        assert isinstance(optimizer, torch.optim.Adam)
        assert (optimizer.defaults["lr"], optimizer.defaults["betas"]) == (2e-4, (0.5, 0.999))


# --- the history of images -----------------------------------------------------------------------


def numbered(*numbers):
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1)


def numbers(images):
    return images.flatten().int().tolist()


def test_a_pool_keeps_what_comes_first():
    pool = ImagePool(4, (1, 1, 1))
    assert numbers(pool.exchange(numbered(1, 2, 3))) == [1, 2, 3]
    assert numbers(pool.images) == [1, 2, 3, 0]
    assert numbers(pool.exchange(numbered(4))) == [4]
    assert (numbers(pool.images), pool.count.item()) == ([1, 2, 3, 4], 4)


def test_half_of_the_images_are_earlier_ones_from_anywhere():
    torch.manual_seed(0)
    pool, count = ImagePool(50, (1, 1, 1)), 4000
    pool.exchange(numbered(*range(50)))
    swaps = torch.zeros(50)
    returned = []
    for i in range(50, 50 + count):
        before = pool.images.clone()
        returned += numbers(pool.exchange(numbered(i)))
        swaps += (pool.images != before).flatten()
    assert swaps.sum().item() == sum(number != i for i, number in enumerate(returned, 50))
    assert abs(swaps.sum().item() - count / 2) < 4 * (count / 4) ** 0.5
    assert 15 < swaps.min() < swaps.max() < 70  # around 40 of each place
    assert sorted(returned + numbers(pool.images)) == list(range(50 + count))  # nothing is lost or doubled


def test_images_of_one_batch_are_exchanged_one_by_one():
    torch.manual_seed(0)
    pool = ImagePool(1, (1, 1, 1))
    returned = numbers(pool.exchange(numbered(*range(64))))
    assert returned[0] == 0
    assert sorted(returned[1:] + numbers(pool.images)) == list(range(64))
    assert any(0 < number < i for i, number in enumerate(returned))


def test_what_a_pool_gives_is_its_own_and_has_no_gradient():
    pool = ImagePool(1, (1, 1, 1))
    given = pool.exchange(numbered(1).requires_grad_())
    assert not given.requires_grad
    pool.images.zero_()
    assert numbers(given) == [1]


def test_without_a_size_images_pass():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert numbers(ImagePool(0, (1, 1, 1)).exchange(numbered(*range(8)))) == list(range(8))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_pool_notices_that_its_state_was_changed():
    """It keeps its count on the host, so that a GPU is not asked for it in each step."""
    pool, empty = (ImagePool(2, (1, 1, 1)) for _ in range(2))
    pool.exchange(numbered(0, 1, 2))
    assert pool.count == 2
    pool.load_state_dict(empty.state_dict())
    assert numbers(pool.exchange(numbered(5, 6))) == [5, 6]
    assert pool.count == 2
    pool.count = torch.zeros((), dtype=torch.int64)  # as `Module.to` does
    assert numbers(copy.deepcopy(pool).exchange(numbered(7))) == [7]
    assert pool.count == 0


def test_a_pool_goes_on_from_its_state():
    first, second = (ImagePool(4, (1, 1, 1)) for _ in range(2))
    first.exchange(numbered(*range(10)))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for i in range(10):
        given = []
        for pool in (first, second):
            torch.manual_seed(i)
            given.append(numbers(pool.exchange(numbered(100 + i))))
        assert given[0] == given[1]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_processes_have_one_history(monkeypatch, rows):
    """Two processes that share their images get the same images from the pool as one process."""
    alone, ours = ImagePool(4, (1, 1, 1)), [ImagePool(4, (1, 1, 1)) for _ in range(2)]
    for i in range(20):
        whole = numbered(*range(100 * i, 100 * i + 2 * rows))
        torch.manual_seed(i)
        expected = alone.exchange(whole)
        monkeypatch.setattr(pools, "gather_rows", lambda _, all_rows=whole: all_rows)
        for rank, pool in enumerate(ours):
            monkeypatch.setattr(pools, "own_rows", lambda given, rank=rank: given.chunk(2)[rank])
            torch.manual_seed(i)
            with global_batch(ProcessGroup(rank, 2), rows):
                given = pool.exchange(whole.chunk(2)[rank])
            assert torch.equal(given, expected.chunk(2)[rank])
        monkeypatch.undo()
    assert torch.equal(ours[0].images, alone.images)


def test_the_history_is_kept_but_not_published():
    gan = testing.tiny_gan("cyclegan")
    assert gan.state_dict()["pool_b.images"].shape == (4, *gan.config.image_shape)
    keep_published(gan)
    assert {name.partition(".")[0] for name in gan.state_dict()} == {"a_to_b", "b_to_a"}


# --- networks ------------------------------------------------------------------------------------


def test_sizes():
    """The layers of section 7.2, and the number of parameters in the authors' code."""
    assert parameters(build().a_to_b) == 11_378_179
    assert parameters(build(blocks=6).a_to_b) == 7_837_699
    assert parameters(build().discriminator_a) == 2_764_737


@pytest.mark.parametrize(
    ("resolution", "blocks"), [(24, 6), (128, 6), (252, 6), (256, 9), (512, 9), ((200, 320), 6), ((128, 512), 9)]
)
def test_blocks_follow_the_resolution(resolution, blocks):
    assert len(build(resolution=resolution).b_to_a.blocks) == blocks
    assert len(build(resolution=resolution, blocks=2).b_to_a.blocks) == 2


def test_a_residual_output_starts_from_its_input():
    gan = lookup.create("cyclegan", width=2, blocks=1, residual_output=True)
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    images[:, :, :4], images[:, :, 4:8] = 1, -1
    nn.init.zeros_(gan.a_to_b.head[0].weight)
    with torch.no_grad():
        assert torch.allclose(gan.a_to_b(images), images, rtol=0, atol=1.01e-3)
        gan.a_to_b.head[0].bias.fill_(0.5)
        changed = (images.clamp(-0.999, 0.999).atanh() + 0.5).tanh()
        assert torch.allclose(gan.a_to_b(images), changed, rtol=0, atol=1e-6)


def test_a_residual_output_has_finite_gradients_at_black_and_white():
    gan = lookup.create("cyclegan", width=2, blocks=1, residual_output=True)
    images = torch.ones(1, 3, 16, 16)
    images[..., :8] = -1
    images.requires_grad_()
    gan.a_to_b(images).sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in (images, *gan.a_to_b.parameters()))


def test_skips_lead_around_the_blocks():
    """With its norms at the bottom without effect, only a generator with skips still depends on the image."""
    with_skips, without = (lookup.create("cyclegan", width=2, blocks=1, skips=skips) for skips in (True, False))
    without.load_state_dict(with_skips.state_dict())  # skips have no weights
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        for gan in (with_skips, without):
            gan.a_to_b.down[1] = nn.AvgPool2d(2)  # 8 x 8 x 4 channels to 4 x 4
            gan.a_to_b.blocks = Zeros()
        first, second = with_skips.a_to_b(images)
        assert not torch.allclose(first, second)
        assert torch.equal(*without.a_to_b(images))


class Zeros(nn.Module):
    """Zeros in the shape that the up layers read."""

    def forward(self, x):
        return x.new_zeros(len(x), 8, *x.shape[2:])


@pytest.mark.parametrize("size", [(8, 8), (64, 64), (36, 52), (8, 100)])
@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"upsampling": "nearest"},
        {"down_padding": "reflect", "stem_norm": False},
        {"affine": True},
        {"residual_output": True, "skips": True},
        {"upsampling": "nearest", "up_padding": "reflect", "diffusion_steps": (2, 2)},
    ],
)
def test_generators_keep_the_size(size, variant):
    gan = lookup.create("cyclegan", width=2, blocks=1, **variant)
    images = torch.rand(2, 3, *size) * 2 - 1
    with torch.no_grad():
        translated = gan.generate({"a": images})
    assert translated.shape == images.shape
    assert translated.abs().max() <= 1


def test_the_smallest_size_is_the_smallest():
    gan = lookup.create("cyclegan", width=2, blocks=1).eval()
    least = gan.config.minimum_size
    assert gan.a_to_b(torch.rand(1, 3, least, least)).shape == (1, 3, least, least)
    with pytest.raises((RuntimeError, ValueError)):
        gan.a_to_b(torch.rand(1, 3, least - 4, least - 4))


def test_norms_are_of_each_image():
    gan = lookup.create("cyclegan", width=2, blocks=1).eval()
    images = torch.rand(3, 3, 16, 16)
    with torch.no_grad():
        alone = torch.cat([gan.a_to_b(image[None]) for image in images])
        assert torch.allclose(gan.a_to_b(images), alone, rtol=0, atol=1e-5)
    assert not [name for name, _ in gan.named_buffers() if "running" in name]


def test_dropout_is_for_training():
    gan = lookup.create("cyclegan", width=2, blocks=1, dropout=0.5)
    images = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert not torch.equal(gan.a_to_b(images), gan.a_to_b(images))
        gan.eval()
        assert torch.equal(gan.a_to_b(images), gan.a_to_b(images))


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_of_the_discriminator(layers, side):
    """The pixels that one logit depends on, without the norms, which depend on the whole image."""
    discriminator = lookup.create(
        "cyclegan", width=1, blocks=1, discriminator_width=1, discriminator_layers=layers
    ).discriminator_a
    for module in discriminator.modules():
        if hasattr(module, "norm"):
            module.norm = nn.Identity()
    for weight in discriminator.parameters():
        nn.init.ones_(weight)
    image = torch.ones(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    scores = discriminator.double()(image)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows, columns = image.grad[0, 0].nonzero().T
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (side, side)


def test_the_discriminator_has_a_logit_for_each_patch():
    discriminator = build().discriminator_a
    assert tuple(discriminator(torch.empty(2, 3, 256, 256, device="meta")).shape) == (2, 1, 30, 30)
    assert isinstance([m for m in discriminator.modules() if not list(m.children())][-1], nn.Conv2d)  # no sigmoid


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_smallest_resolution_can_be_trained(layers):
    least = max(8, 3 * 2**layers)
    small = {"width": 2, "blocks": 1, "discriminator_width": 2, "discriminator_layers": layers, "pool_size": 1}
    assert len(list(step(lookup.create("cyclegan", resolution=least, **small), 0.2, -0.4))) == 2
    told = f"multiples of 4, from {least} on with {layers} discriminator_layers - the nearest is {least}"
    with pytest.raises(InvalidConfigError, match=told):
        lookup.create("cyclegan", resolution=least - 4, **small)


# --- configs and directions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", 254),
        ("resolution", 20),
        ("blocks", 0),
        ("blocks", 2.5),
        ("width", 0),
        ("discriminator_width", 0),
        ("discriminator_layers", 0),
        ("upsampling", "bilinear"),
        ("down_padding", "replicate"),
        ("dropout", 1.0),
        ("domains", ("horse",)),
        ("domains", ("horse", "horse")),
        ("domains", ("horse", "a zebra")),
        ("domains", ("x", "x2x")),  # both directions would be x2x2x
        ("direction", "none"),
        ("first", "both"),
        ("cycle_weight", -1.0),
        ("identity_weight", -1.0),
        ("adversarial_weight", -1.0),
        ("variation_weights", (1.0,)),
        ("variation_weights", (1.0, -1.0)),
        ("variation_orders", (1, 3)),
        ("variation_orders", (1,)),
        ("variation_limit", 0.0),
        ("up_padding", "reflect"),  # with transposed convolutions
        ("diffusion_steps", (1,)),
        ("diffusion_steps", (0, -1)),
        ("diffusion_contrast", 0.0),
        ("pool_size", -1),
    ],
)
def test_what_it_cannot_be(field, value):
    with pytest.raises(InvalidConfigError, match=field) as caught:
        lookup.create("cyclegan", **{field: value})
    assert "\n" not in str(caught.value)


HORSES = {"domains": ("horse", "zebra")}


@pytest.mark.parametrize(
    ("values", "directions"),
    [
        ({}, ("a2b", "b2a")),
        (HORSES, ("horse2zebra", "zebra2horse")),
        ({**HORSES, "first": "b_to_a"}, ("zebra2horse", "horse2zebra")),
        ({**HORSES, "direction": "a_to_b"}, ("horse2zebra",)),
        ({**HORSES, "direction": "a_to_b", "first": "b_to_a"}, ("horse2zebra",)),
        ({**HORSES, "direction": "b_to_a"}, ("zebra2horse",)),
    ],
)
def test_directions_are_named_after_the_domains(values, directions):
    assert config(**values).directions == directions
    gan = build(**values)
    keep_published(gan)
    held = {"horse2zebra": "a_to_b", "a2b": "a_to_b", "zebra2horse": "b_to_a", "b2a": "b_to_a"}
    assert {name for name, _ in gan.named_children()} == {held[name] for name in directions}


def test_what_is_drawn_is_the_image_of_its_domain():
    gan = lookup.create("cyclegan", **TINY, **HORSES, first="b_to_a")
    image, random = torch.rand(3, 16, 16), torch.Generator()
    for direction, domain in ((None, "b"), ("zebra2horse", "b"), ("horse2zebra", "a")):
        drawn = gan.draw(ImageToImage(image=image, direction=direction), random)
        assert list(drawn) == [domain]
        assert torch.equal(drawn[domain], image)


def test_each_domain_has_its_generator():
    gan = lines(a_to_b=(2.0, 0.1), b_to_a=(0.5, -0.3))
    image = torch.full((1, 3, 16, 16), 0.2)
    assert torch.allclose(gan.generate({"a": image}), 2 * image + 0.1)
    assert torch.allclose(gan.generate({"b": image}), image / 2 - 0.3)


def test_a_published_model_of_one_direction(tmp_path):
    """Both generators are trained and one is published. The error for the other direction names it."""
    gan = testing.tiny_gan("cyclegan")
    description = Description("cyclegan", {**TINY, **HORSES, "direction": "b_to_a"}, "noise")
    published = {name: t for name, t in gan.state_dict().items() if name.startswith("b_to_a.")}
    write_folder(tmp_path / "model", published, description)
    model = load(tmp_path / "model")
    image = torch.rand(3, 13, 21)
    assert model.translate(image).shape == image.shape
    with pytest.raises(InvalidRequestError, match="zebra2horse"):
        model.translate(image, direction="horse2zebra")


@pytest.mark.parametrize("direction", ["both", "b_to_a"])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"upsampling": "nearest", "affine": True},
        {"stem_norm": False, "down_padding": "reflect", "dropout": 0.5},
        {"upsampling": "nearest", "up_padding": "reflect", "skips": True},
        {"residual_output": True, "skips": True, "stem_norm": False, "diffusion_steps": (3, 3)},
    ],
    ids=str,
)
def test_fused_generators_of_every_kind_make_the_same(config, direction):
    torch.manual_seed(0)
    gan = lookup.create("cyclegan", resolution=32, width=8, direction=direction, **config).eval()
    with torch.no_grad():
        for parameter in gan.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model = Model(gan, ImageToImage, gan.config, fuse=True)
    for side in (32, 40, 32):
        inputs = {"b": torch.rand(2, 3, side, side) * 2 - 1}
        with torch.no_grad():
            expected = gan.generate(inputs)
            assert torch.allclose(gan.fused()(inputs), expected, atol=1e-5)
        assert torch.allclose(model.generate(inputs), expected, atol=1e-5)
