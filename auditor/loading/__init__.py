"""What stands between a checkpoint and this process, and what is loaded.

`loading.holding` copies files, so that nobody exchanges them, `loading.scanning` looks into them, `probing` loads them
elsewhere first, `signature` checks who signed, `loading.registry` fetches, `loading.opening` opens,
`loading.resources` keeps what is open, `loading.provenance` says of what state, `loading.fitting` whether data are
what the model takes, `loading.class_names` whether classes are in the data's order. Import from these modules. It
imports `spec`, `reading`, `classifiers`, `compute`, `catalog` and `values`.
"""
