"""Evidence and expectations to a verdict; pure but for the date.

`verdict` judges metrics, `conclusion` a whole record, `baseline` finds what to compare with. It imports `spec`,
`statistics`, `records`, `catalog` and `values`.
"""
