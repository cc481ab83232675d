"""Records rendered for people and for machines. Nothing here runs a check or opens a model."""

PAGE = "index.html"
"""The page of an audit, and of a folder of audits."""
SIZE = 15_000_000
"""The bytes that a page takes at most, unless told otherwise."""
