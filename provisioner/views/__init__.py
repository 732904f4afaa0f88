"""How results look: pure functions from plans and events to text, JSON, Markdown and HTML."""
