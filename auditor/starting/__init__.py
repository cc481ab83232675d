"""From a model's file to a first spec: what it is and takes, what a baseline shows, and the texts that follow from it.

The command `init` uses `looking.look`, `writing.spec_text` and `pipelines.PIPELINES`; `formats` tells files apart. It
imports `loading`, `spec`, `measuring`, `reading`, `statistics`, `catalog` and `values`.
"""
