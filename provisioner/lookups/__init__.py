"""What the service offers, held against what a spec and its plan ask for. Reads only."""
