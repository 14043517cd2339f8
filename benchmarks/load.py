"""The time and the memory that loading a large model takes, compared with reading its file: medians of several rounds.

The model is BigGAN-deep at 512 pixels, with random weights in a published folder of 234 MB. Each measurement runs in a
new process, after all imports:

- read: read the file into memory.
- verified: read the file, compute its SHA-256 and check every number, as `ganzoo.load` must do.
- built: as a plain script: build and initialize the network, then `load_state_dict` with `load_file`.
- ganzoo: `ganzoo.load`, which verifies the file, builds the network and prepares it for sampling.
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
    """Write the model to a published folder; returns the digest of its weights, and its config."""
    import ganzoo
    from ganzoo.interface.gan import keep_published
    from ganzoo.weights.folder import Description, read_description, write_folder

    gan = ganzoo.create("biggan-deep", resolution=512, generator_spectral_norm=False, statistics=51)
    keep_published(gan)
    config = dataclasses.asdict(gan.config)  # type: ignore[call-overload]
    write_folder(folder, gan.state_dict(), Description("biggan-deep", config, "noise"))
    return read_description(folder).sha256, config


def measure(way: str, folder: Path, sha: str, config: dict[str, object], threads: int) -> tuple[float, float]:
    """Seconds, and the peak of the memory in bytes."""
    code = SETUP.format(folder=str(folder), body=WAYS[way].format(sha=sha, config=config), threads=threads)
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    seconds, peak = printed.split()
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
    print(f"{size / 1e6:.0f} MB of weights; an idle process takes {base / 1e6:.0f} MB")
    for way, measured in found.items():
        seconds, peak = (statistics.median(each) for each in zip(*measured, strict=True))
        print(f"{way:10} {seconds:6.2f} s {(peak - base) / 1e6:8.0f} MB more")


if __name__ == "__main__":
    main()
