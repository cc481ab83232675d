"""What datasets share: files read row by row, pictures, tables, and `common.make_samples`.

It imports `records.arrays`, `compute` and `values`.
"""
