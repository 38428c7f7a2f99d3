"""A verdict that the submission cannot reach."""
