"""TensorFlow with its threads set before it is imported, cores, randomness, progress.

`tensorflow()` is the one way to TensorFlow, `parallel` works off pieces on several cores, `randomness` derives streams
from a case's seed, `resampled` gives images another size in plain NumPy. Import what others use from `auditor.compute`.
It imports `values` alone.
"""

from auditor.compute import progress
from auditor.compute.backend import silenced, tensorflow
from auditor.compute.capacity import cores, free_memory
from auditor.compute.multiplying import on_one_core
from auditor.compute.parallel import alone, at_once, both, each, in_order, operation_threads, side_by_side
from auditor.compute.progress import watched
from auditor.compute.randomness import case_seed, generator, keys, normal, normal_row, uniform, uniform_row
from auditor.compute.resampling import resampled

__all__ = [
    "alone",
    "at_once",
    "both",
    "case_seed",
    "cores",
    "each",
    "free_memory",
    "generator",
    "in_order",
    "keys",
    "normal",
    "normal_row",
    "on_one_core",
    "operation_threads",
    "progress",
    "resampled",
    "side_by_side",
    "silenced",
    "tensorflow",
    "uniform",
    "uniform_row",
    "watched",
]
