"""Records rendered for people. Nothing here runs a check or opens a model.

`html` renders a page, `index` that of a folder, `terminal` and `text` say the same in words, `notebook` in a cell.
It imports `drawing`, `judging`, `spec`, `statistics`, `records`, `catalog` and `values`.
"""

PAGE = "index.html"
"""The page of an audit, and of a folder of audits."""
SIZE = 15_000_000
"""The bytes that a page takes at most, unless told otherwise."""
