"""What finds adversarial images: the compiled loop, norms, losses, projections, and who has the last word.

`loop` drives every attack's `start` and `step`, `search` decides what counts, `ascent` follows an objective without
bounds. Attacks import from here; it imports `catalog`, `compute` and `values`.
"""
