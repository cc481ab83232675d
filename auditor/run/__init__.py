"""One case, many cases: where, when and whether at all.

`run.runner` runs, judges and stores by `run.measuring`, `run.engines` say where blocks are worked off, `run.cache`
and `case_key` what needn't be, `run.estimate` and `run.budget` what it takes, `run.noted` what is noted of a case.
Import from these modules. It imports everything below the plugin but `evidence`.
"""
