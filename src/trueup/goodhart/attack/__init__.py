"""The exploit battery, and running it against a grader."""
