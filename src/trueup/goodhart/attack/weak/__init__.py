"""Graders as people write them, to compare with: each trusts the process that it shares.

They are run as scripts, never imported. Do not grade with them.
"""
