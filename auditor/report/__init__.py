"""Records rendered for people. Nothing here runs a check or opens a model.

`report.html` renders a page of `report.layout` and `report.content`, `report.declaration` an extract of it,
`report.paper` one to be printed, `report.index` that of a folder, `report.summary` Markdown, `report.terminal`,
`report.text` and `report.explain` say the same in words, `report.reasons` why, `report.notebook` in a cell;
`report.outcome`, `report.doubts`, `report.measures`, `report.coverage` and `report.versus` are what all of them say.
Import from these modules, `PAGE` from here. It imports `drawing`, `corruptions`, `judging`, `spec`, `statistics`,
`records`, `catalog` and `values`.
"""

PAGE = "index.html"
"""The page of an audit, and of a folder of audits."""
