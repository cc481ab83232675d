"""What model formats share: from a function of images to a classifier, its endings, its preprocessing.

A format in `models/` hands its function to `common.classifier`. It imports `compute` and `values`.
"""
