"""Guard stacks: describe them in YAML, run them over prompts and responses."""
