"""What runs inside the box: standard library only, and nothing of trueup is importable there."""
