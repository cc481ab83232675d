"""What is stored, checked again, compared, signed and sent on.

`evidence.verification` derives claims anew, `evidence.replay` repeats an attack, `evidence.rejudge` applies another
spec, `evidence.diff` compares, `evidence.attestation` and `evidence.keyless` sign, `evidence.tracking` logs. Import
from these modules, when they are needed. It imports everything below the plugin.
"""
