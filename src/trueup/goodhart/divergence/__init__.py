"""A proxy that climbs while the truth falls: found, dated, and stopped."""
