"""Models that are built to deceive the auditor, what is true of them, and what the auditor says."""
