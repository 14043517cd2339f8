"""DINOv2 and CLIP: the same features as torch-fidelity's networks, from files in the layouts that are pinned."""

import dataclasses
import hashlib
import json
import math

import pytest
import torch
from safetensors.torch import save

from ganzoo.evaluation.extractors import load_extractor
from ganzoo.interface.weights_files import HubFile
from ganzoo.registry import lookup
from ganzoo.testing import noise_data
from ganzoo.weights.fit import check_fits
from ganzoo.weights.meta import on_meta_device
from ganzoo_features.layouts import adapt_clip, adapt_dinov2
from ganzoo_features.vit import Clip, DinoV2
from hub_server import Hub
from in_process import client_of

CPU = torch.device("cpu")


def block(prefix, width, words):
    """The shapes of a layer; `words` are what transformers calls its parts."""
    shapes = {}
    for name in (*words["attention"], *words["norms"]):
        shapes[f"{prefix}{name}.weight"] = (width, width) if name in words["attention"] else (width,)
        shapes[f"{prefix}{name}.bias"] = (width,)
    shapes |= {f"{prefix}mlp.fc1.weight": (4 * width, width), f"{prefix}mlp.fc1.bias": (4 * width,)}
    shapes |= {f"{prefix}mlp.fc2.weight": (width, 4 * width), f"{prefix}mlp.fc2.bias": (width,)}
    return shapes | {f"{prefix}layer_scale{i}.lambda1": (width,) for i in words["scales"]}


def dinov2_file(width, depth, positions=1370):
    """The shapes in the file of transformers' Dinov2Model."""
    attention = [f"attention.attention.{name}" for name in ("query", "key", "value")]
    words = {"attention": [*attention, "attention.output.dense"], "norms": ["norm1", "norm2"], "scales": (1, 2)}
    shapes = {
        "embeddings.cls_token": (1, 1, width),
        "embeddings.mask_token": (1, width),
        "embeddings.position_embeddings": (1, positions, width),
        "embeddings.patch_embeddings.projection.weight": (width, 3, 14, 14),
        "embeddings.patch_embeddings.projection.bias": (width,),
        "layernorm.weight": (width,),
        "layernorm.bias": (width,),
    }
    for i in range(depth):
        shapes |= block(f"encoder.layer.{i}.", width, words)
    return shapes


def clip_file(width, depth, patch, outputs):
    """The shapes in the file of transformers' CLIPModel. Its text side has 12 layers of `outputs` channels."""
    attention = [f"self_attn.{name}_proj" for name in "kvq"] + ["self_attn.out_proj"]
    words = {"attention": attention, "norms": ["layer_norm1", "layer_norm2"], "scales": ()}
    tokens = 1 + (224 // patch) ** 2
    shapes = {
        "logit_scale": (),
        "text_projection.weight": (outputs, outputs),
        "visual_projection.weight": (outputs, width),
        "text_model.embeddings.token_embedding.weight": (49408, outputs),
        "text_model.embeddings.position_embedding.weight": (77, outputs),
        "text_model.embeddings.position_ids": (1, 77),
        "vision_model.embeddings.class_embedding": (width,),
        "vision_model.embeddings.patch_embedding.weight": (width, 3, patch, patch),
        "vision_model.embeddings.position_embedding.weight": (tokens, width),
        "vision_model.embeddings.position_ids": (1, tokens),
    }
    for norm, size in (("text_model.final_layer_norm", outputs), ("vision_model.pre_layrnorm", width)):
        shapes |= {f"{norm}.weight": (size,), f"{norm}.bias": (size,)}
    shapes |= {"vision_model.post_layernorm.weight": (width,), "vision_model.post_layernorm.bias": (width,)}
    for side, channels, layers in (("text_model", outputs, 12), ("vision_model", width, depth)):
        for i in range(layers):
            shapes |= block(f"{side}.encoder.layers.{i}.", channels, words)
    return shapes


def kind(name):
    return "I64" if name.endswith("position_ids") else "F32"


def file_size(shapes):
    """The bytes of a safetensors file, as transformers writes it: larger types first, then by name."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes, key=lambda each: (kind(each) != "I64", each)):
        start, end = end, end + math.prod(shapes[name]) * (8 if kind(name) == "I64" else 4)
        header[name] = {"dtype": kind(name), "shape": list(shapes[name]), "data_offsets": [start, end]}
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + (length + 7) // 8 * 8 + end


FILES = {
    "dinov2-vit-s-14": dinov2_file(384, 12),
    "dinov2-vit-b-14": dinov2_file(768, 12),
    "dinov2-vit-l-14": dinov2_file(1024, 24),
    "clip-vit-b-32": clip_file(768, 12, 32, 512),
    "clip-vit-l-14": clip_file(1024, 24, 14, 768),
}


@pytest.mark.parametrize("name", FILES)
def test_the_pinned_file_fits_the_network(name):
    """Names and shapes are those of the file: it has the pinned size to the byte, where the size is known."""
    spec = lookup.registry().feature_extractors[name]
    if spec.weights.size is not None and spec.weights.filename.endswith(".safetensors"):
        assert file_size(FILES[name]) == spec.weights.size
    with on_meta_device():
        network = spec.build()
        tensors = {key: torch.empty(shape) for key, shape in FILES[name].items()}
    check_fits(network, spec.adapt(tensors), of=name)


def random_tensors(shapes):
    torch.manual_seed(0)
    return {
        name: 1 + torch.randn(shape) if "norm" in name else torch.randn(shape) * 0.2 for name, shape in shapes.items()
    }


def test_it_is_downloaded_and_loaded_by_its_own_names(tmp_path):
    tensors = random_tensors(dinov2_file(64, 2))
    content = save(tensors)
    spec = lookup.registry().feature_extractors["dinov2-vit-s-14"]
    with Hub() as hub, client_of(hub, tmp_path):
        revision = hub.add("facebook/tiny", {"model.safetensors": content})
        digest = hashlib.sha256(content).hexdigest()
        weights = HubFile(repo="facebook/tiny", revision=revision, filename="model.safetensors", sha256=digest)
        tiny = dataclasses.replace(spec, build=lambda: DinoV2(64, 2), weights=weights, num_features=64)
        lookup.registry().feature_extractors.put("ganzoo", tiny)
        network = load_extractor("dinov2-vit-s-14", device=CPU)
    assert torch.equal(network.blocks[1].fc1.weight, tensors["encoder.layer.1.mlp.fc1.weight"])
    output = network(noise_data((1, 20, 30), 3).images)
    assert (output.features.shape, output.logits.shape) == ((3, 64), (3, 0))
    assert output.features.std() > 0.1


def openai_names(tensors, depth):
    """The tensors of transformers' file under the names of OpenAI's code, for torch-fidelity's network."""
    vision = "vision_model."
    found = {
        "class_embedding": tensors[f"{vision}embeddings.class_embedding"],
        "positional_embedding": tensors[f"{vision}embeddings.position_embedding.weight"],
        "conv1.weight": tensors[f"{vision}embeddings.patch_embedding.weight"],
        "proj": tensors["visual_projection.weight"].T,
    }
    for theirs, ours in (("pre_layrnorm", "ln_pre"), ("post_layernorm", "ln_post")):
        found |= {f"{ours}.{part}": tensors[f"{vision}{theirs}.{part}"] for part in ("weight", "bias")}
    parts = {"self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2"}
    parts |= {"mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
    for i in range(depth):
        theirs, ours = f"{vision}encoder.layers.{i}.", f"transformer.resblocks.{i}."
        for part in ("weight", "bias"):
            found |= {f"{ours}{new}.{part}": tensors[f"{theirs}{old}.{part}"] for old, new in parts.items()}
            heads = [tensors[f"{theirs}self_attn.{name}_proj.{part}"] for name in "qkv"]
            found[f"{ours}attn.in_proj_{part}"] = torch.cat(heads)
    return found


def preprocessed(images, mean, deviation):
    """As in torch-fidelity's extractors."""
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
    from torchvision.transforms.functional import normalize

    pixels = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(224, 224), align_corners=False)
    return normalize(pixels, [255 * each for each in mean], [255 * each for each in deviation])


def test_clip_is_torch_fidelitys():
    from torch_fidelity.feature_extractor_clip import VisionTransformer

    tensors = random_tensors(clip_file(128, 2, 32, 48))
    theirs = VisionTransformer(224, 32, 128, layers=2, heads=2, output_dim=48)
    theirs.load_state_dict(openai_names(tensors, 2))
    ours = Clip(128, 2, patch=32, outputs=48)
    ours.load_state_dict(adapt_clip(tensors))
    images = noise_data((3, 50, 40), 2).images
    with torch.inference_mode():
        found, expected = ours(images).features, theirs(preprocessed(images, Clip.mean, Clip.deviation))
    assert expected.std() > 0.5
    torch.testing.assert_close(found, expected)


def test_dinov2_is_a_transformer_of_scaled_blocks():
    """Its parts are those of CLIP, which is torch-fidelity's; these differ: GELU, the scales, and positions."""
    tensors = random_tensors(dinov2_file(64, 1))
    network = DinoV2(64, 1)
    network.load_state_dict(adapt_dinov2(tensors))
    tokens = torch.randn(2, 5, 64)
    first = network.blocks[0]
    with torch.inference_mode():
        attended = first.attention(first.norm1(tokens)) * tensors["encoder.layer.0.layer_scale1.lambda1"]
        hidden = torch.nn.functional.gelu(first.fc1(first.norm2(tokens + attended)))
        expected = tokens + attended + first.fc2(hidden) * tensors["encoder.layer.0.layer_scale2.lambda1"]
        torch.testing.assert_close(first(tokens), expected)


def test_positions_of_518_pixels_serve_224():
    """They are resized smoothly: positions that grow from left to right still do, and the class token keeps its own."""
    network = DinoV2(64, 1)
    ramp = torch.arange(37.0).repeat(37)[:, None].expand(-1, 64)
    network.positions.data = torch.cat([torch.full((1, 64), 7.0), ramp])
    with torch.inference_mode():
        found = network._positions()
    assert found.shape == (1 + 16**2, 64)
    assert bool((found[0] == 7).all())
    rows = found[1:, 0].view(16, 16)
    torch.testing.assert_close(rows, rows[:1].expand(16, -1), atol=1e-4, rtol=0)
    centers = (torch.arange(16) + 0.5) * 37 / 16.1 - 0.5
    torch.testing.assert_close(rows[0, 1:-1], centers[1:-1], atol=0.1, rtol=0)
