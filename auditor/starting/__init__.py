"""From a model's file to a first spec: what it is and takes, what a baseline shows, and the texts that follow from it.

`starting.looking` asks, with who looks (`looker`), which output (`outputs`), what pixels are (`pixels`) and which data
fits (`fitting`); `found` is what comes of it, `formats` tells files apart, `installed` says where this package came
from, `starting.templates` are specs to begin with where there is no model. The command `init` imports them from where
they are, when it runs. It imports `compute`, `loading`, `spec`, `measuring`, `search`, `reading`, `classifiers`,
`statistics`, `catalog` and `values`.
"""
