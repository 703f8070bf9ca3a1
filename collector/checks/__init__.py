"""The Art. 4.3 checks: one rule a file, pure: observation x registry x date -> evidence; ``judge`` adds evidence up to findings."""
