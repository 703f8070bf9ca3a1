"""The scene bank: named situations with the findings that they must give, and their innocent twins."""
