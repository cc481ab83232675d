"""What is on disk: JSON beside arrays, each file in one move; the manifest, the history of runs, the commit.

It imports `statistics` and `values`.
"""
