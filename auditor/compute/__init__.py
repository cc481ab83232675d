"""TensorFlow with its threads set before it is imported, cores, randomness, progress.

`backend.tensorflow()` is the one way to TensorFlow, `parallel` works off pieces on several cores, `randomness` derives
streams from a case's seed. It imports `values` alone.
"""
