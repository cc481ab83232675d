"""Data sources: one file each; the file name is the YAML name. See CONTRIBUTING.md for the face of a dataset.

They are loaded by `auditor.catalog`; they import `reading`, `records`, `compute` and `values`.
"""
