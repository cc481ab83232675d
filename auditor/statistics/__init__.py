"""Limits of what was measured, from plain numbers and arrays; pure, one file a kind.

`intervals` gives the limits of any metric, `comparison` those of a difference from a baseline, `shares`, `means`,
`medians` and `pairs` are what these are made of. It imports `values` alone.
"""
