"""Records to what other programs read, and all files of a report at once (`files`).

`results` is the JSON that others build on, `junit`, `sarif` and `codequality` are what CI reads. It imports `report`,
`drawing`, `records`, `statistics` and `values`.
"""
