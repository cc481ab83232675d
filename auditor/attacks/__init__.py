"""Attacks: searches for an input, one file each; the file name is the YAML name.

Each has the face that `auditor.search.loop` describes; see CONTRIBUTING.md. They are loaded by `auditor.catalog`; they
import `search`, `compute`, `values`, and one another where one is made of others.
"""
