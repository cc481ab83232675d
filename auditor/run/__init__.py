"""One case, many cases: where, when and whether at all.

`runner` runs, judges and stores, `engines` say where blocks are worked off, `cache` and `case_key` what needn't be,
`estimate` and `budget` what it takes. It imports everything below the plugin but `evidence`.
"""
