"""The transmit side: seeded signals and scenes for tests, hardware in the loop and the demo only."""
