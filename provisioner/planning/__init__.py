"""Decides: from what is desired, recorded and live to a plan. Pure; `stack.build_plan` is where to begin."""
