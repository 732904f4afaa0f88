"""What is recorded: the state document, the journal of a run, and the backends that keep them."""
