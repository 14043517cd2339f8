"""What to type in place of an option or a command that ganzoo does not have, and that other tools do.

People bring the words of timm, diffusers, torchvision's scripts, StyleGAN and pytorch-CycleGAN-and-pix2pix. One table
says which of our options each word means; another one holds the words that need a sentence.
"""

from __future__ import annotations

import click

from ganzoo.utils.names import suggest

__all__ = ["no_such_command", "no_such_option"]

_OPTIONS = (
    (
        "-n --steps",
        "n num number amount n-samples num-samples num-images num-img n-images samples images num-gen frames",
    ),
    (
        "--iterations",
        "steps iters iter n-iter niter max-iter max-iters num-iters max-steps max-train-steps total-steps",
    ),
    ("--batch-size", "b bs batch batchsize train-batch-size mini-batch-size minibatch batch-gpu val-batch-size"),
    ("--seed --seeds", "s seeds random-seed manual-seed manualseed rng-seed"),
    (
        "-o",
        "out outdir out-dir output-dir outf output-path outfile save-dir save-path results-dir dest checkpoints-dir",
    ),
    ("--class --from-class", "c label labels classes class-idx class-id class-name class-label class-labels y"),
    ("--truncation", "t trunc psi truncation-psi trunc-psi truncation-threshold"),
    ("--input", "i in image images img source src init-image input-dir input-path dataroot picture pictures photo"),
    ("--data --against", "d dataset data-path dataset-name train-dir train-data train-data-dir dataroot root real"),
    ("--against", "data reference ref fake-vs real-images data"),
    ("--data-dir", "root download-dir data-root"),
    ("--direction", "to from which-direction"),
    ("--resize", "size load-size resolution image-size img-size crop-size preprocess"),
    ("--overwrite", "f force y yes replace exist-ok"),
    ("--format", "ext extension save-format file-format"),
    ("--mirror", "flip hflip horizontal-flip random-flip"),
    ("--no-mirror", "no-flip"),
    ("--precision", "fp16 bf16 fp32 amp half mixed-precision dtype float16 no-amp"),
    ("--workers", "j num-workers n-workers num-threads nthreads dataloader-num-workers"),
    ("--augment", "aug augmentation augmentations augpipe diffaugment"),
    ("--loss", "gan-mode adv-loss gan-loss criterion gan-type"),
    ("--regularizer", "r1 gamma r1-gamma gp lambda-gp penalty gradient-penalty"),
    ("--ema", "ema-decay use-ema ema-beta model-ema model-ema-decay ema-kimg"),
    ("--schedule", "sched scheduler lr-policy lr-scheduler"),
    ("--accumulate", "accum gradient-accumulation-steps grad-accum grad-accum-steps num-accumulations"),
    ("--save-every", "snap save-epoch-freq save-freq save-interval save-steps checkpointing-steps checkpoint-every"),
    ("--limit", "max-dataset-size max-train-samples subset max-samples"),
    ("--resume", "continue continue-train resume-from resume-from-checkpoint"),
    ("--init", "pretrained finetune init-from checkpoint ckpt network weights"),
    ("--arch", "model architecture"),
    ("--metrics", "m metric"),
    ("--features", "feature-extractor detector backbone"),
    ("--timeout", "time-limit"),
)
"""Our options, of which the command has at most a few, and the words that mean the first of them that it has."""

_CONFIG = "use --config FIELD=VALUE, such as learning_rate=0.0002; `ganzoo info ARCHITECTURE` lists the fields"
_DEVICE = "use --device cuda, cuda:1, mps or cpu"

_SENTENCES = {
    ("--iterations", "use --iterations: an epoch is the number of images divided by the batch size"): (
        "e epochs epoch num-epochs num-train-epochs n-epochs kimg nepoch"
    ),
    ("--config", _CONFIG): (
        "lr learning-rate lr-g lr-d g-lr d-lr glr dlr beta1 beta2 betas adam-beta1 optimizer opt momentum weight-decay "
        "latent-dim z-dim zdim nz latent-size width ngf ndf ch channels nc size image-size img-size resolution "
        "crop-size load-size lambda-a lambda-b lambda-identity pool-size net-g net-d num-d-steps n-critic"
    ),
    ("--device", _DEVICE): "g gpu gpus gpu-ids gpu-id cuda cpu no-cuda use-cpu mps",
}
"""Words that need more than the name of an option: by the option that the command must have, and the advice."""

_NAMES = frozenset(
    [
        "model",
        "name",
        "network",
        "arch",
        "architecture",
        "checkpoint",
        "ckpt",
        "weights",
        "pretrained",
        "model-path",
        "pretrained-model-name-or-path",
        "model-name",
        "run",
    ]
)
"""Words for what our commands take without an option."""

_COMMANDS = {
    "sample": "generate gen samples synth synthesize create make run test infer inference predict",
    "sample MODEL --input PICTURES": "translate convert-images stylize transform img2img",
    "interpolate": "walk interp morph latent-walk lerp slerp",
    "pull": "download fetch get install add",
    "train": "fit learn finetune fine-tune",
    "train --resume RUN": "resume continue",
    "evaluate": "eval score metrics metric fid kid benchmark compare",
    "list": "ls models zoo find",
    "info": "show describe inspect model",
    "publish": "push upload share",
    "import": "convert load",
    "export": "save",
    "new-plugin": "new init scaffold plugin-new",
    "doctor": "check diagnose env version",
    "plugins": "plugin",
}
"""Our commands, and the words of other tools for them."""


def no_such_option(error: click.NoSuchOption) -> str:
    """The line for an option that the command does not have: what to type instead."""
    ctx = error.ctx
    if ctx is None:
        return error.format_message()
    advice = _advice(_word(error.option_name), ctx.command)
    if advice:
        return f"No such option '{error.option_name}' - {advice}"
    text = error.format_message()
    return text if error.possibilities else f"{text.rstrip('.')} - `{ctx.command_path} --help` lists the options"


def no_such_command(name: str, known: list[str]) -> str:
    """The line for a command that does not exist: what to type instead."""
    ours = next((ours for ours, words in _COMMANDS.items() if _word(name) in words.split()), None)
    return f"No such command '{name}'" + (f" - use `ganzoo {ours}`" if ours else suggest(name, known))


def _word(name: str) -> str:
    """A word as it stands in the tables: without dashes before it, in lower case, with - for _."""
    return name.lstrip("-").lower().replace("_", "-")


def _advice(word: str, command: click.Command) -> str | None:
    flags = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    if f"--{word}" in flags:  # --batch_size
        return f"use --{word}"
    for options, words in _OPTIONS:
        if word in words.split() and (ours := [option for option in options.split() if option in flags]):
            return f"use {ours[0]}"
    for (option, advice), words in _SENTENCES.items():
        if word in words.split() and option in flags:
            return advice
    argument = next((each for each in command.params if isinstance(each, click.Argument)), None)
    if word in _NAMES and argument is not None:
        place = (argument.metavar or str(argument.name)).upper()
        return f"write it without an option: ganzoo {command.name} {place}"
    return None
