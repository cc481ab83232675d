"""From a model's file to a first spec: what it is and takes, what a baseline shows, and the texts that follow from it.

`looker` opens and asks; `architectures` tells whose weights lie alone in a file, `outputs` which output is meant,
`pixels` what it takes pixels as, `fitting` which data fits; `found` is what comes of it. `starting.formats` tells files
apart, `installed` says where this package came from, `starting.templates` are specs to begin with where there is no
model. The command `init` imports `starting.looking`, `starting.writing`, `starting.installed` and `starting.pipelines`
from where they are, when it runs. It imports `compute`, `loading`, `spec`, `measuring`, `search`, `reading`,
`classifiers`, `statistics`, `catalog` and `values`.
"""
