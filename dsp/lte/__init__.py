"""LTE: find every cell of a span by PSS, SSS and PBCH."""
