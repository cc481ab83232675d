"""Data sources: one file each; the file name is the YAML name."""
