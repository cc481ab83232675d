"""The `auditor` command; `auditor run` is pytest with the plugin.

`cli.main` is its entry point, and imports what a command needs when that is called. Nothing imports this room.
"""
