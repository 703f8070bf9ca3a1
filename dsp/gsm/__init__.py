"""GSM: find every C0 carrier of a span and read what its cell broadcasts about itself (BCCH only)."""
