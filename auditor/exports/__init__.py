"""Records to what other programs read, and all files of a report at once (`files`).

It imports `report`, `records` and `values`.
"""
