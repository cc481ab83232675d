"""pytest: every check of every `*.audit.yaml` is an item.

`items` is the entry point and imports the standard library and pytest alone, as it loads in every pytest run of its
environment; `options`, `failures`, `finish`, `mistakes`, `progress` and `xdist` are its parts. `plugin.state` is what a
session leaves to whoever started it.
"""
