"""From YAML to a validated plan of cases, every value marked with its line.

`marked` parses, `document` validates, `plan` resolves names, `foresight` says what can be said before anything runs,
`schema` is what editors complete by. It imports `catalog`, `statistics`, `compute` and `values`.
"""
