"""What checks share: cascades of attacks, tell-tale tests, decoys, lints, numbers in words.

It imports `attacks`, `search`, `statistics`, `compute`, `catalog` and `values`.
"""
