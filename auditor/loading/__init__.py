"""What stands between a checkpoint and this process, and what is loaded.

`scanning` looks at files, `probing` loads them elsewhere first, `signature` checks who signed, `registry` fetches,
`resources` keeps what is open. It imports `spec`, `reading`, `classifiers`, `compute`, `catalog` and `values`.
"""
