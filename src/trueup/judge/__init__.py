"""Judges of responses: the fast annotator, slower opinions, calibration and the label queue."""
