"""Records to what other programs read, and all files of a report at once.

`exports.files` renders them, `exports.publishing` where a run wants them, `exports.results` is the JSON that others
build on (`exports.results_schema`), `junit`, `sarif` and `codequality` are what CI reads, `exports.joined` those of
several audits. `exports.mistakes` and `exports.annotations` say which specs can't be run, and what GitHub shows at
their lines; `bom` and `exports.model_index` are for registries of models, `exports.pdf` for paper. Import from these
modules. It imports `report`, `drawing`, `judging`, `records`, `statistics` and `values`.
"""
