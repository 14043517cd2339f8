"""How long a large model takes to load, and how much memory, beside reading its file: medians of alternating rounds.

The model is BigGAN-deep at 512 pixels, with random weights in a published folder, 234 MB. Each measurement is a
process of its own, which has imported all that it needs:

- read: the file's bytes into memory, once.
- verified: the bytes, their SHA-256, and a look at every number: what must be done with weights from elsewhere.
- built: as a plain script does it: the network with its initialisation, then `load_state_dict` of `load_file`.
- ganzoo: `ganzoo.load`, verified, built and made ready to sample.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SETUP = """
import resource, time, torch, ganzoo, ganzoo.sampling.model, ganzoo_biggan.model, safetensors.torch
from pathlib import Path
from ganzoo.utils.files import sha256_of
from ganzoo.weights.tensors import read_tensors
torch.set_num_threads({threads})
folder = Path({folder!r})
file = folder / "model.safetensors"
file.read_bytes()  # into the page cache
ganzoo.models()  # plugins are found
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open("/proc/self/clear_refs", "w") as peak: peak.write("5")
start = time.perf_counter()
{body}
seconds = time.perf_counter() - start
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(seconds, int(status["VmHWM"].split()[0]) * 1024)
"""

WAYS = {
    "nothing": "pass",
    "read": "kept = file.read_bytes()",
    "verified": "kept = read_tensors(file, sha256={sha!r})",
    "built": (
        "kept = ganzoo.create('biggan-deep', **{config!r}); del kept.discriminator\n"
        "kept.load_state_dict(safetensors.torch.load_file(file))"
    ),
    "ganzoo": "kept = ganzoo.load(folder)",
}


def publish(folder: Path) -> tuple[str, dict[str, object]]:
    """The model in a published folder: the digest of its weights, and its config."""
    import ganzoo
    from ganzoo.interface.gan import keep_published
    from ganzoo.weights.folder import Description, read_description, write_folder

    gan = ganzoo.create("biggan-deep", resolution=512, generator_spectral_norm=False, statistics=51)
    keep_published(gan)
    config = dataclasses.asdict(gan.config)  # type: ignore[call-overload]
    write_folder(folder, gan.state_dict(), Description("biggan-deep", config, "noise"))
    return read_description(folder).sha256, config


def measure(way: str, folder: Path, sha: str, config: dict[str, object], threads: int) -> tuple[float, float]:
    """Seconds, and the peak of memory in bytes."""
    code = SETUP.format(folder=str(folder), body=WAYS[way].format(sha=sha, config=config), threads=threads)
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    seconds, peak = told.split()
    return float(seconds), float(peak)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sha, config = publish(Path(name))
        size = (Path(name) / "model.safetensors").stat().st_size
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way, measured in found.items():
                measured.append(measure(way, Path(name), sha, config, options.threads))
    base = statistics.median(peak for _, peak in found["nothing"])
    print(f"{size / 1e6:.0f} MB of weights; an idle process has {base / 1e6:.0f} MB")
    for way, measured in found.items():
        seconds, peak = (statistics.median(each) for each in zip(*measured, strict=True))
        print(f"{way:10} {seconds:6.2f} s {(peak - base) / 1e6:8.0f} MB more")


if __name__ == "__main__":
    main()
