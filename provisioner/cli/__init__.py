"""The command line: one module per command, wiring and settings; everything heavy is imported inside functions."""
