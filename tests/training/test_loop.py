"""The training loop: averages, schedules, accumulation, precision, augmentations, penalties, non-finite losses."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import AdversarialLoss, ImageData, Loop, TrainingOptions, testing
from ganzoo.distributed.processes import PATIENCE, ProcessGroup, join_process_group
from ganzoo.errors import InvalidRequestError, NonFiniteError
from ganzoo.interface.gan import GAN, DiscriminatorOutput, Update
from ganzoo.registry import lookup
from ganzoo.training.ema import decay_of


class Toy(GAN):
    """One number in each network; losses as they are given, so that every step can be worked out by hand."""

    def __init__(self, losses=None, rate=0.1):
        super().__init__()
        self.generator, self.discriminator = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.generator.weight)
        nn.init.ones_(self.discriminator.weight)
        self.loss = AdversarialLoss(lambda real, fake: (fake - real).mean(), lambda fake: -fake.mean())
        self.losses = losses or (lambda gan, x: [("generator", {"pull": gan.generator.weight.sum() * x})])
        self.rate = rate

    def optimizers(self):
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {name: torch.optim.SGD(network.parameters(), self.rate) for name, network in networks.items()}

    def training_step(self, batches):
        x = next(batches)["image"].mean()
        for group, losses in self.losses(self, x):
            yield Update(group, losses)

    def draw(self, request, random):
        return {"z": torch.randn(1, generator=random)}

    def generate(self, inputs):
        return self.generator(inputs["z"])[:, :, None, None].tanh()


def floats(*values):
    """A data set whose images are these numbers."""
    return ImageData("floats", torch.tensor(values).view(-1, 1, 1, 1))


def toy_loop(gan, data=None, **options):
    return Loop(gan, data or floats(1.0), TrainingOptions(**{"iterations": 3, "batch_size": 1, "ema": 0.0} | options))


# --- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [False, True])
def test_a_graph_of_older_weights_is_refused(fused):
    """PyTorch's fused optimizers change weights without a new version; the loop counts one."""

    def losses(gan, x):
        square = gan.generator.weight.square().sum()  # its gradient needs the weight
        yield "generator", {"first": gan.generator.weight.sum()}
        yield "generator", {"stale": square}

    class Fused(Toy):
        def optimizers(self):
            networks = {"generator": self.generator, "discriminator": self.discriminator}
            return {name: torch.optim.Adam(net.parameters(), fused=fused) for name, net in networks.items()}

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        next(toy_loop(Fused(losses)))


def test_a_step_by_hand():
    """w <- w - rate x, of the sum of the losses."""
    gan = Toy(lambda gan, x: [("generator", {"a": gan.generator.weight.sum(), "b": 2 * gan.generator.weight.sum()})])
    record = next(toy_loop(gan))
    assert gan.generator.weight.item() == pytest.approx(1 - 0.1 * 3)
    assert record == (1, {"generator/a": 1.0, "generator/b": 2.0}, {})


@pytest.mark.parametrize("parts", [1, 2, 3, 6])
def test_accumulated_gradients_are_those_of_the_whole_batch(parts):
    gan = Toy()
    data = floats(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    record = next(toy_loop(gan, data, batch_size=6 // parts, accumulate=parts))
    assert gan.generator.weight.item() == pytest.approx(1 - 0.1 * 0.35)
    assert record.losses["generator/pull"] == pytest.approx(0.35)


def test_accumulation_takes_every_update_in_step():
    """The second update of each part is computed after the first was applied for all."""
    seen = []

    def losses(gan, x):
        yield "discriminator", {"push": gan.discriminator.weight.sum()}
        seen.append(gan.discriminator.weight.item())
        yield "generator", {"pull": gan.generator.weight.sum()}

    next(toy_loop(Toy(losses), accumulate=3))
    assert seen == [pytest.approx(0.9)] * 3


def test_a_gradient_in_another_group_is_not_kept():
    """The discriminator's gradient of the generator's loss is gone before the discriminator's step."""

    def losses(gan, x):
        yield "generator", {"both": gan.generator.weight.sum() + 5 * gan.discriminator.weight.sum()}
        yield "discriminator", {"own": gan.discriminator.weight.sum()}

    gan = Toy(losses)
    next(toy_loop(gan))
    assert gan.discriminator.weight.item() == pytest.approx(0.9)


def test_what_comes_twice_is_averaged():
    gan = Toy(lambda gan, x: (("generator", {"pull": gan.generator.weight.sum()}) for _ in range(2)))
    assert next(toy_loop(gan)).losses == {"generator/pull": pytest.approx(0.95)}


def test_a_schedule_scales_the_rates_of_all_groups():
    """linear=0.5 over four iterations: 1, 1, 1, 1/2 of the rate."""
    gan = Toy()
    loop = toy_loop(gan, iterations=4, schedule="linear=0.5")
    weights = [gan.generator.weight.item() for _ in loop]
    assert weights == pytest.approx([0.9, 0.8, 0.7, 0.65])
    assert all(o.param_groups[0]["lr"] == pytest.approx(0.05) for o in loop.optimizers.values())


def test_a_schedule_goes_on_after_a_resume():
    whole, first, second = (toy_loop(Toy(), iterations=4, schedule="cosine") for _ in range(3))
    list(whole)
    next(first), next(first)
    second.restore(first.checkpoint())
    list(second)
    assert second.gan.generator.weight.item() == whole.gan.generator.weight.item()


# --- averages ------------------------------------------------------------------------------------


def test_the_average_follows_the_equation():
    """ema <- d ema + (1 - d) now, with d = min(ema, t / (t + 10)), running statistics included."""
    loop = testing.tiny_loop("dcgan", 5, ema=0.3)
    expected = {name: t.clone() for name, t in loop.published().items()}
    for step, _ in enumerate(loop, 1):
        decay = min(0.3, step / (step + 10))
        for name, now in loop.gan.state_dict().items():
            if name in expected:
                floating = now.is_floating_point()
                expected[name] = decay * expected[name] + (1 - decay) * now if floating else now.clone()
    for name, tensor in loop.published().items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name


def test_no_average_publishes_the_weights_themselves():
    loop = testing.tiny_loop("dcgan", 3, ema=0.0)
    list(loop)
    assert all(torch.equal(tensor, loop.gan.state_dict()[name]) for name, tensor in loop.published().items())


def test_only_published_submodules_are_published():
    assert {name.split(".")[0] for name in testing.tiny_loop("dcgan").published()} == {"generator"}


# --- records -------------------------------------------------------------------------------------


def test_records_hold_every_loss_and_metric():
    record = next(testing.tiny_loop("gan", regularizers={"r1": 1.0}))
    assert record.step == 1
    assert record.losses.keys() == {"discriminator/adversarial", "discriminator/r1", "generator/adversarial"}
    assert record.metrics.keys() == {"D(x)", "D(G(z))"}
    assert all(0 <= value <= 1 for value in record.metrics.values())


def outputting(name="", logits=(1.0, -3.0)):
    """A GAN whose discriminator has returned these logits, for real and for generated images."""
    gan = Toy()
    real, fake = (torch.full((2,), logit) for logit in logits)

    def training_step(batches):
        next(batches)
        images = torch.zeros(2, 1, 1, 1)
        output = DiscriminatorOutput(
            lambda x: x.flatten() * gan.discriminator.weight.sum(), images, images, real, fake, name
        )
        yield Update("discriminator", {"own": gan.discriminator.weight.sum()}, discriminators=[output])

    gan.training_step = training_step
    return gan


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("non-saturating", (0.7310586, 0.0474259)), ("least-squares", (1, -3)), ("hinge", (1, -3))],
)
def test_mean_outputs_are_probabilities_where_the_loss_has_them(loss, expected):
    gan = outputting()
    gan.loss = lookup.registry().losses[loss].load()
    assert next(toy_loop(gan)).metrics == {"D(x)": pytest.approx(expected[0]), "D(G(z))": pytest.approx(expected[1])}


def test_discriminators_are_told_apart_by_name():
    assert next(toy_loop(outputting("a"))).metrics.keys() == {"D_a(x)", "D_a(G(z))"}


def test_penalties_are_weighted_and_added():
    """0.5 E D(x) with D(x) = 1 is added to the loss 1; the images are zero, where the weight has no slope."""
    gan = outputting()
    gan.loss = lookup.registry().losses["non-saturating"].load()
    losses = next(toy_loop(gan, regularizers={"label-smoothing": 0.5})).losses
    assert losses == {"discriminator/own": 1.0, "discriminator/label-smoothing": 0.5}


def test_penalties_may_be_rare_and_are_so_much_heavier_then():
    """In every third iteration, from the first on, with three times the weight."""
    gan = outputting()
    gan.loss = lookup.registry().losses["non-saturating"].load()
    loop = toy_loop(gan, iterations=5, regularizers={"label-smoothing": 0.5}, regularize_every=3)
    assert [record.losses.get("discriminator/label-smoothing") for record in loop] == [1.5, None, None, 1.5, None]


def test_rare_penalties_are_due_when_they_would_have_been_without_a_pause():
    whole, first, second = (testing.tiny_loop("gan", 4, regularizers={"r1": 1.0}, regularize_every=3) for _ in range(3))
    records = list(whole)
    assert [next(first) for _ in range(2)] == records[:2]
    second.restore(first.checkpoint())
    assert list(second) == records[2:]


def test_penalties_on_generators_have_an_interval_of_their_own():
    options = {"regularizers": {"r1": 1.0, "path-length": 2.0}, "regularize_generator_every": 3}
    records = list(testing.tiny_loop("dcgan", 4, **options))
    assert ["generator/path-length" in record.losses for record in records] == [True, False, False, True]
    assert all("discriminator/r1" in record.losses for record in records)


def test_a_penalty_on_generators_needs_a_generator():
    with pytest.raises(InvalidRequestError, match="has no latents for path-length - leave out --regularizer path-len"):
        next(testing.tiny_loop("cyclegan", 1, regularizers={"path-length": 1.0}))


def test_the_state_of_techniques_is_in_the_checkpoint():
    loop = testing.tiny_loop("dcgan", 2, regularizers={"path-length": 1.0}, augmentations=("ada", "color"))
    next(loop)
    saved = loop.checkpoint().networks["techniques"]
    assert saved["path-length.mean"] > 0
    assert saved["ada.images"] == 6
    assert "techniques" not in testing.tiny_loop("dcgan", 2, regularizers={"r1": 1.0}).checkpoint().networks


@pytest.mark.parametrize(
    ("step", "decay"),
    [(1, 0.5 ** (16 / (0.05 * 16))), (1000, 0.5 ** (16 / 800)), (12_500, 0.5 ** (16 / 10_000)), (10**6, 0.5**0.0016)],
)
def test_the_average_has_a_half_life_in_images(step, decay):
    """It grows with a twentieth of the images that were seen, up to 10,000."""
    options = TrainingOptions(batch_size=8, ema_half_life=10_000)
    assert decay_of(options, step, 16) == pytest.approx(decay)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_the_seed_decides(precision):
    runs = [list(testing.tiny_loop("dcgan", 3, seed=seed, precision=precision)) for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


# --- precision -----------------------------------------------------------------------------------


def test_autocast_sees_every_update():
    """In 16 bits too, the second discriminator step computes with the weights that the first has left."""
    seen = []

    def losses(gan, x):
        for _ in range(3):
            seen.append(gan.discriminator(torch.ones(1, 1)).item())
            yield "discriminator", {"push": gan.discriminator.weight.sum()}

    next(toy_loop(Toy(losses), precision="bf16"))
    assert seen == pytest.approx([1, 0.9, 0.8], abs=0.01)
    assert seen[0] > seen[1] > seen[2]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_networks_compute_in_16_bits_and_weights_stay_in_32(precision):
    kinds = []

    def losses(gan, x):
        score = gan.discriminator(torch.ones(1, 1))
        kinds.append(score.dtype)
        yield "discriminator", {"push": score.sum()}

    gan = Toy(losses)
    next(toy_loop(gan, precision=precision))
    assert kinds == [getattr(torch, {"bf16": "bfloat16", "fp16": "float16"}[precision])]
    assert gan.discriminator.weight.dtype == torch.float32


def test_fp16_keeps_small_gradients_and_skips_what_overflows():
    """A gradient of 1e-8, which 16 bits cannot hold, reaches the weight; an infinite one halves the scale."""
    tiny = torch.full((1, 1), 1e-5)
    gan = Toy(lambda gan, x: [("discriminator", {"push": 1e-3 * gan.discriminator(tiny).float().sum()})], rate=1e5)
    next(toy_loop(gan, precision="fp16"))
    assert gan.discriminator.weight.item() == pytest.approx(1 - 1e-3, abs=1e-5)
    gan = Toy(lambda gan, x: [("discriminator", {"push": 100 * gan.discriminator(torch.full((1, 1), 100.0)).sum()})])
    loop = toy_loop(gan, precision="fp16")
    next(loop)
    assert gan.discriminator.weight.item() == 1
    assert loop.checkpoint().state["scaler"]["scale"] == 2**15


def test_fp16_resumes_with_its_scale():
    whole, first, second = (testing.tiny_loop("dcgan", 6, precision="fp16") for _ in range(3))
    expected = list(whole)
    records = [next(first) for _ in range(3)]
    second.restore(first.checkpoint())
    assert records + list(second) == expected
    assert second.checkpoint().state["scaler"] == whole.checkpoint().state["scaler"]


# --- augmentation --------------------------------------------------------------------------------


def test_discriminators_see_augmented_images_in_training_only():
    loop = testing.tiny_loop("dcgan", augmentations=("cutout", "translation"))
    seen = []
    loop.gan.discriminator[0].register_forward_pre_hook(lambda module, images: seen.append(images[0].clone()))
    images = torch.full((2, 3, 16, 16), 0.7)
    images = images[:, : loop.gan.config.channels]
    loop.gan.discriminator(images)
    assert (seen[-1] == 0).any()
    assert sorted(seen[-1].unique().tolist()) == pytest.approx([0, 0.7])
    loop.gan.discriminator.eval()
    loop.gan.discriminator(images)
    assert torch.equal(seen[-1], images)


def test_augmentations_come_in_their_order(monkeypatch):
    changes = {"color": lambda x: x + 1, "cutout": lambda x: 2 * x}
    registry = lookup.registry()
    for name, change in changes.items():
        spec = registry.augmentations[name]
        registry.augmentations.put("ganzoo", ganzoo.Augmentation(**{**vars(spec), "load": lambda c=change: c}))
    loop = testing.tiny_loop("dcgan", augmentations=("cutout", "color"))
    seen = []
    loop.gan.discriminator[0].register_forward_pre_hook(lambda module, images: seen.append(images[0].clone()))
    loop.gan.discriminator(torch.full((2, loop.gan.config.channels, 16, 16), 3.0))
    assert set(seen[0].unique().tolist()) == {7.0}
    lookup.use(None)


def test_an_average_is_not_augmented():
    plain, augmented = (testing.tiny_loop("dcgan", 1, augmentations=names) for names in ((), ("cutout",)))
    assert plain.published().keys() == augmented.published().keys()
    assert augmented.gan.state_dict().keys() == plain.gan.state_dict().keys()


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_non_finite_loss_ends_it(bad):
    gan = Toy(lambda gan, x: [("generator", {"pull": gan.generator.weight.sum(), "penalty": torch.tensor(bad)})])
    loop = toy_loop(gan)
    average = copy.deepcopy(loop.average.state_dict())
    with pytest.raises(NonFiniteError, match=rf"step 1: generator/penalty is {bad}"):
        next(loop)
    assert loop.step == 0
    assert all(torch.equal(tensor, loop.average.state_dict()[name]) for name, tensor in average.items())


@pytest.mark.parametrize(
    "options",
    [
        *({"iterations": value} for value in (-1, "8", 2.5)),
        *({"batch_size": value} for value in (0, 2.5, True)),
        {"accumulate": 0},
        *({"seed": value} for value in (-1, None)),
        *({"ema": value} for value in (1.0, -0.1, "x", float("nan"))),
        {"precision": "fp8"},
    ],
    ids=str,
)
def test_options_that_cannot_be(options):
    with pytest.raises(InvalidRequestError, match=next(iter(options))):
        TrainingOptions(**options)


@pytest.mark.parametrize("device", ["mps", "cuda:1", "meta"])
def test_processes_do_not_share_a_device(monkeypatch, device):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidRequestError, match=f"several processes cannot all compute on {device}"):
        join_process_group(device)


def test_a_group_of_another_size_is_refused(monkeypatch):
    """Each process would take itself for the only one, and all would write into one folder."""
    alone = SimpleNamespace(process_index=0, num_processes=1, device="cpu", destroy_process_group=lambda: None)
    monkeypatch.setattr("accelerate.PartialState", lambda **options: alone)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidRequestError, match="has 1 processes, but WORLD_SIZE is 2 - start all processes with"):
        join_process_group("cpu")


@pytest.mark.parametrize(("gpus", "joined"), [(0, (True, "gloo")), (2, (False, "nccl"))])
def test_the_resolved_device_decides_how_processes_communicate(monkeypatch, gpus, joined):
    seen = []

    def state(*, cpu, backend, timeout):
        assert timeout == PATIENCE
        seen.append((cpu, backend))
        return SimpleNamespace(process_index=1, num_processes=2, device="cpu", destroy_process_group=lambda: None)

    monkeypatch.setattr("accelerate.PartialState", state)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert join_process_group("auto")[0] == ProcessGroup(1, 2)
    assert seen == [joined]


def test_each_process_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(InvalidRequestError, match=r"2 processes on a machine with 1 GPUs .*--nproc-per-node 1"):
        join_process_group("auto")


@pytest.mark.parametrize("size", ["two", "0", "-1"])
def test_a_world_size_that_is_no_number(monkeypatch, size):
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(InvalidRequestError, match=f"WORLD_SIZE is '{size}'"):
        join_process_group("cpu")


def test_one_process_is_a_group_of_one(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    processes, device = join_process_group("cpu")
    assert (processes, device) == (ProcessGroup(0, 1), torch.device("cpu"))
    tensor = torch.ones(2)
    processes.average_([tensor])
    processes.wait()
    with processes.main_first():
        assert processes.is_main
    assert torch.equal(tensor, torch.ones(2))


# --- as a whole ----------------------------------------------------------------------------------


def test_it_learns():
    """On images of one gray level the generator comes to make that level, and D ends at 1/2 (theorem 1)."""
    data = ImageData("bright", torch.full((32, 1, 8, 8), 230, dtype=torch.uint8))
    torch.manual_seed(0)
    gan = lookup.create("gan", resolution=8, latent_dim=4, generator_widths=(32,), discriminator_units=(16,))
    loop = Loop(gan, data, TrainingOptions(iterations=400, batch_size=16, ema=0.9))
    before = loop.average.generate({"z": torch.zeros(1, 4)}).mean().item()
    last = list(loop)[-1]
    after = loop.average.generate({"z": torch.zeros(1, 4)}).mean().item()
    assert abs(before) < 0.1
    assert after == pytest.approx(230 / 127.5 - 1, abs=0.1)
    assert last.metrics["D(x)"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # of PyTorch's compiler, about its own doing
@pytest.mark.parametrize("regularizers", [{}, {"r1": 1.0}])
def test_compiled_networks_give_the_same(regularizers):
    """But for rounding; a discriminator whose gradient is penalized stays as it is."""

    def loop(compiled):
        torch.manual_seed(0)
        gan = lookup.create("dcgan", **lookup.registry().architectures["dcgan"].tiny)
        options = TrainingOptions(iterations=3, batch_size=4, regularizers=regularizers)
        return Loop(gan, testing.tiny_data("dcgan"), options, compile=compiled)

    plain, compiled = list(loop(False)), list(loop(True))
    for ours, theirs in zip(plain, compiled, strict=True):
        assert ours.losses == pytest.approx(theirs.losses, abs=1e-3)
