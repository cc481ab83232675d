"""From a model to a first spec."""
