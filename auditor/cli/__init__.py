"""The `auditor` command. `main` is its entry point; `auditor run` is pytest with the plugin."""
