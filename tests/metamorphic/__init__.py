"""Changes of an audit that change nothing that is true, and so no verdict: over every check."""
