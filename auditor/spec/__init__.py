"""From YAML to a validated plan of cases, every value marked with its line.

`marked` parses, `document` validates (its `mistakes` say what is wrong), `plan` makes cases of what `resolving` finds
under their names, `foresight` says what can be said before anything runs,
`schema` is what editors complete by. It imports `catalog`, `statistics`, `compute` and `values`.
"""
