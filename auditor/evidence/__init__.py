"""What is stored, checked again, compared, signed and sent on.

`verification` derives claims anew, `replay` repeats an attack, `rejudge` applies another spec, `diff` compares,
`attestation` and `keyless` sign, `tracking` logs. It imports everything below the plugin.
"""
