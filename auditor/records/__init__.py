"""What is on disk, each file in one move.

`store` keeps JSON beside `arrays`, `manifest` says what a report holds, `history` what was asked before, and `commit`
of which state of the code. It imports `statistics` and `values`.
"""
