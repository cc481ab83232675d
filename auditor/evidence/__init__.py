"""What is stored, checked again, compared, signed and sent on.

`evidence.verification` derives claims anew and tells them as `evidence.findings`: what the spec plans (`planning`),
what is counted (`recounting`, `arithmetic`), shown to the checkpoint (`images`), attacked again (`attacking`) and drawn
(`rendering`). `evidence.replay` repeats an attack, `evidence.rejudge` applies another spec, `evidence.diff` compares,
`evidence.attestation` and `evidence.keyless` sign, `evidence.tracking` logs. Import from these modules, when they are
needed. It imports everything below the plugin.
"""
