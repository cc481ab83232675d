"""The way out for texts: escaped, in characters that any console has; what is worth saying beside a result.

`console` prints, `escaping` makes texts safe, `reason` cuts what others' errors say, `remarks` hears warnings. It
imports nothing, so that the plugin may import it wherever pytest runs.
"""
