"""The pages of the centre."""
