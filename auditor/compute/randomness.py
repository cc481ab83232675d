"""Randomness that belongs to a sample: counter-based, so batch size, order and workers don't change it."""

import hashlib
from collections.abc import Sequence

import numpy as np

from auditor.values import FloatArray, IntArray


def case_seed(spec_seed: int, case_id: str) -> int:
    """Return the 63-bit seed of one case: the first bytes of SHA-256 over the spec's seed and the case's id."""
    digest = hashlib.sha256(f"{spec_seed}/{case_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """Random numbers of one sample, or for what belongs to none, such as a bootstrap: they depend on nothing else."""
    # Philox is keyed, not advanced: sample 7's numbers are the same whether or not samples 0 to 6 were drawn
    # (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011).
    key = hashlib.sha256(f"{seed}/{stream}/{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))


def uniform_row(seed: int, stream: str, index: int, shape: tuple[int, ...]) -> FloatArray:
    """Uniform numbers in [0, 1), float32, of one sample."""
    return generator(seed, stream, index).random(shape, dtype=np.float32)


def normal_row(seed: int, stream: str, index: int, shape: tuple[int, ...]) -> FloatArray:
    """Standard normal numbers, float32, of one sample."""
    return generator(seed, stream, index).standard_normal(shape, dtype=np.float32)


def uniform(
    seed: int, stream: str, count: int, shape: tuple[int, ...], box: tuple[float, float] = (0.0, 1.0)
) -> FloatArray:
    """Uniform noise in `box`: (count, *shape) float32, row i depending on (seed, stream, i) alone."""
    low, high = box
    rows = np.array([uniform_row(seed, stream, i, shape) for i in range(count)], dtype=np.float32)
    return low + rows.reshape(count, *shape) * (high - low)


def normal(seed: int, stream: str, count: int, shape: tuple[int, ...]) -> FloatArray:
    """Standard normal noise: (count, *shape) float32, row i depending on (seed, stream, i) alone."""
    rows = [normal_row(seed, stream, i, shape) for i in range(count)]
    return np.array(rows, dtype=np.float32).reshape(count, *shape)


def keys(seed: int, stream: str, rows: Sequence[int]) -> IntArray:
    """Seeds for random numbers inside a graph, (N, 2) int32, that of row i depending on (seed, stream, i) alone."""
    digests = (hashlib.sha256(f"{seed}/{stream}/{row}".encode()).digest()[:8] for row in rows)
    return np.frombuffer(b"".join(digests), "<i4").reshape(-1, 2).astype(np.int32)
