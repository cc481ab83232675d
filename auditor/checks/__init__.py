"""Checks: one file each; the file name is the YAML name. See CONTRIBUTING.md for the face of a check."""
