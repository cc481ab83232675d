"""What is on disk, each file in one move.

`records.store` keeps JSON beside `records.arrays` (made by `records.encoding`), in one of `records.formats`;
`records.manifest` says what a report holds, `records.chain` which run came before, `records.history` what was asked
before, `records.looks` how often, `records.commit` of which state of the code, and `records.headline` what a record is
headed by. Import from these modules. It imports `statistics` and `values`.
"""
