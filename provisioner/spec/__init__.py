"""What the user wants: the spec document and the strict YAML reading that leads to it."""
