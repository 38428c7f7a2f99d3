"""Dials with certificates: the least tax at a guaranteed risk, and a watch on the guarantee."""
