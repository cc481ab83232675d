"""What checks share: `cascade` of attacks, `telltales` of the measurement, `decoys`, `lints`, numbers in `words`.

It imports `attacks`, `search`, `classifiers`, `statistics`, `compute`, `catalog` and `values`.
"""
