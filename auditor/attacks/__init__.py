"""Attacks: searches for an input, one file each, plain functions driven by `_loop`."""
