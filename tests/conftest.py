"""Fixtures that every area uses."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
IN_CI = bool(os.environ.get("CI"))

# A background job hands an ignored SIGINT down to the commands under test; a terminal does not.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("steady", deadline=None, derandomize=IN_CI, print_blob=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real labelled outputs, kept beside the checkout and never inside it."""
    path = Path(os.environ.get("TRUEUP_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"the labelled data is not at {path}; a user's checkout does not have it")
    return path


@pytest.fixture
def chromium() -> str:
    """A headless browser that opens reports as a reader would."""
    import shutil

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return found


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skip means that something is missing, which is a failure there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if IN_CI and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} skipped: in CI that is a failure", red=True)
