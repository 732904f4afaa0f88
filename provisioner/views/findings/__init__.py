"""What `validate` finds, in the formats of other programs: one module a format, each a pure function to a string."""
