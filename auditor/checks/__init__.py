"""Checks: one file each; the file name is the YAML name. See CONTRIBUTING.md for the face of a check.

They are loaded by `auditor.catalog`; they import `measuring`, `corruptions`, `search`, `classifiers`, `statistics`,
`compute` and `values`, `catalog` to find attacks, `reading` to find images that look alike, and `loading` and `judging`
where a check looks at checkpoints or judges by itself.
"""
