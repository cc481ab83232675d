"""Networks of many structures, each audited and, beside that, asked by nothing but its own framework."""
