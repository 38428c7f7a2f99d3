"""A repository with a pytest suite: the submission's sources, the task's tests, a clean tree.

Tests and submission share a process, so what pytest says there can be forged. It is therefore never
the verdict. The tests go in sealed: each check is a call that reports what it saw, and what was
reported is held against what is known outside. Each suite runs twice, in fresh boxes, in an order
and under names that tell nothing: as written, and inverted, where every test is made to fail and
every check expects something else; decoys that always hold or always fail are among both. A test
passes only when it passed as written and failed inverted. See `judging`.

Not stopped: a submission written against this very module. It shares its process with the checks
and could find the sealed calls, the key and the pipe in memory, and report for each check what it
would have reported; it would have to tell decoys from tests and leave the rest of the process as it
was. A test without a literal expectation (`assert f(x) == g(x)`) is inverted by its operator, which
does not catch code that finds out what `g(x)` is from the frames around it; that is reported where
the audit hook sees it. What a test itself does not check is not checked here. Only Python suites,
run by pytest without plugins; asynchronous tests that need one fail.
"""

from __future__ import annotations

from trueup.goodhart.grade.suites.suite import run_suite

__all__ = ["run_suite"]
