"""Records rendered for people and for machines. Nothing here runs a check or opens a model."""
