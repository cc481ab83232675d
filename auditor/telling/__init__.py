"""The way out for texts: escaped, in characters that any console has; what is worth saying beside a result.

`telling.console` prints, `telling.escaping` makes texts safe, `telling.numbers` writes numbers, `telling.lists` long
lists, `telling.reason` cuts what others' errors say, `telling.remarks` hears warnings. Import from these modules: it
imports nothing, so that the plugin may import it wherever pytest runs.
"""
