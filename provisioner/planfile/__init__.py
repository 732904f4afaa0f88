"""The saved plan: one JSON document that is shown, approved and carried out exactly, or refused."""
