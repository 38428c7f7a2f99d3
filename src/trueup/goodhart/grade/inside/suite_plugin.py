"""The plugin that tells the parent what pytest says of each test.

It repeats pytest's reports and judges nothing. Where an exception came from is looked up in its
traceback, to name what was tried: "s" for the submission's files, "t" for the tests, "o" for
others.
"""

from __future__ import annotations

import json

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from trueup.goodhart.grade.inside.suite_link import Link

__all__ = ["make"]

_ENDING = ("SystemExit", "KeyboardInterrupt", "Exit")


def make(link: Link, begin: Callable[[], None], work: str, tests: str) -> object:
    """The plugin object. Its state is in this closure."""
    places: dict[str, int] = {}
    reasons: dict[tuple[str, str], str] = {}

    def origin(error: BaseException) -> str:
        trace, last = error.__traceback__, "o"
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if file.startswith(f"{work}/{tests}/"):
                last = "t"
            elif file.startswith((f"{work}/", "<")):
                last = "s"
            elif "/_pytest/" not in file and "/unittest/" not in file:
                last = last if last == "s" else "o"
            trace = trace.tb_next
        return last

    def reason(error: BaseException) -> str:
        name = type(error).__name__
        return f"{name if name.isidentifier() else 'Exception'}:{origin(error)}"[:80]

    class Plugin:
        @pytest.hookimpl(trylast=True)
        def pytest_collection_finish(self, session: Any) -> None:
            ids = [item.nodeid for item in session.items]
            places.update({nodeid: number for number, nodeid in enumerate(ids)})
            for nodeid in ids:
                link.tell(f"i {json.dumps(nodeid)}")
            link.tell("n")

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
            report = yield
            call = getattr(report, "call", None)
            if call is not None and call.excinfo is not None:
                link.tell(f"x {reason(call.excinfo.value)}")
            return report

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_protocol(self, item: Any) -> Generator[None, object, object]:
            begin()
            link.tell(f"s {places.get(item.nodeid, -1)}")
            return (yield)

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, Any]:
            if call.excinfo is not None:
                reasons[item.nodeid, call.when] = reason(call.excinfo.value)
            return (yield)

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(self, report: Any) -> None:
            place = places.get(report.nodeid, -1)
            why = reasons.pop((report.nodeid, report.when), "-")
            odd = "xfail" if hasattr(report, "wasxfail") else "-"
            link.tell(f"r {place} {report.when} {report.outcome} {odd} {why}")

        def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
            link.tell(f"q {reason(excinfo.value)}")

        def pytest_internalerror(self, excinfo: Any) -> None:
            link.tell(f"q {reason(excinfo.value)}")

    return Plugin()
