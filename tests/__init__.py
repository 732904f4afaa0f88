"""The tests. `python -m tests` runs every gate; `pytest` runs the tests alone."""
