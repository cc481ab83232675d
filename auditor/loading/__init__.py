"""What stands between a checkpoint and this process, and what is loaded.

`loading.holding` copies files, so that nobody exchanges them, `loading.scanning` looks into them, `probing` loads them
elsewhere first, `signature` checks who signed, `loading.registry` fetches, `loading.opening` opens, `loading.resources`
keeps what is open, `loading.provenance` says of what state, `loading.fitting` whether data are what the model takes,
`loading.external_data` which files beside an ONNX model are part of it. `loading.named_files` says where names of
classes stand, `loading.naming` gathers them, `loading.class_names` holds them against each other and the data. Import
from these modules. It imports `spec`, `reading`, `classifiers`, `compute`, `catalog` and `values`.
"""
