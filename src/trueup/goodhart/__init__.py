"""Is the number real? Scan what was submitted, grade it out of its reach, watch the proxy."""
