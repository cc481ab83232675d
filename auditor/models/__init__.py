"""Checkpoint formats: one file each; the file name is the YAML name. See CONTRIBUTING.md for the face of a format.

They are loaded by `auditor.catalog`; they import `classifiers`, `loading`, `compute` and `values`.
"""
