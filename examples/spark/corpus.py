#!/usr/bin/env python3
"""Write a text corpus from a seed: the same bytes for the same arguments, on any machine.

    corpus.py OUT_DIR [--megabytes 64] [--files 8] [--seed 2026]

The words are made of syllables; how often each occurs follows Zipf's law (the n-th most frequent
word has a frequency near 1/n), as in natural text, so a word count has a few giant keys and a long
tail of rare ones. Next: `script.py`, which counts them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

VOCABULARY = 40_000
WORDS_PER_LINE = 12
BLOCK_WORDS = 420_000

ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "qu",
    "r",
    "s",
    "sh",
    "sk",
    "sl",
    "st",
    "t",
    "th",
    "tr",
    "v",
    "w",
    "z",
]
NUCLEI = ["a", "e", "i", "o", "u", "ai", "ea", "ee", "ia", "ie", "oa", "oo", "ou", "y"]
CODAS = ["", "", "", "l", "m", "n", "nd", "ng", "r", "rn", "s", "st", "t", "x"]


def vocabulary(seed: int) -> list[str]:
    """Distinct words, the most frequent first; frequent ones are short, as in any language."""
    rng = np.random.Generator(np.random.PCG64(seed))
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        syllables = 1 + min(3, len(words) // 600) if len(words) < 1800 else int(rng.integers(2, 5))
        parts = (
            ONSETS[rng.integers(len(ONSETS))]
            + NUCLEI[rng.integers(len(NUCLEI))]
            + CODAS[rng.integers(len(CODAS))]
            for _ in range(syllables)
        )
        words.setdefault("".join(parts))
    return list(words)


def blocks(seed: int, words: list[str]) -> Iterator[bytes]:
    """Endless text in blocks of whole lines."""
    rng = np.random.Generator(np.random.PCG64(seed + 1))
    weights = 1.0 / (np.arange(len(words)) + 2.7)
    cumulative = np.cumsum(weights / weights.sum())
    table = np.array(words, dtype=object)
    while True:
        picks = table[
            np.minimum(np.searchsorted(cumulative, rng.random(BLOCK_WORDS)), len(words) - 1)
        ]
        lines = picks.reshape(-1, WORDS_PER_LINE)
        yield ("\n".join(" ".join(line) for line in lines.tolist()) + "\n").encode()


def write_corpus(out: Path, bytes_total: int, files: int, seed: int) -> list[Path]:
    """Write `files` files of about `bytes_total` in all; each appears whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    source = blocks(seed, vocabulary(seed))
    rest = b""
    written: list[Path] = []
    for number in range(files):
        path = out / f"part-{number:03d}.txt"
        size = bytes_total * (number + 1) // files - bytes_total * number // files
        while len(rest) < size:
            rest += next(source)
        cut = rest.find(b"\n", size - 1) + 1 or len(rest)
        partial = path.with_suffix(".partial")
        partial.write_bytes(rest[:cut])
        os.replace(partial, path)
        rest = rest[cut:]
        written.append(path)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a Zipf-distributed text corpus.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--seed", type=int, default=2026)
    args = parser.parse_args()
    for path in write_corpus(args.out, args.megabytes * 1_000_000, args.files, args.seed):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256:{digest}")


if __name__ == "__main__":
    main()
