"""Carries a plan out: sends, waits, journals, records. Decides nothing; `apply.apply_plan` is where to begin."""
