"""What every part must agree on: wire contract, band plan, settings."""
