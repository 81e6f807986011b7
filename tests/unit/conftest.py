"""What pytest needs to run these tests beside each other."""

from dataclasses import replace

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what a subtest was about in words.

    pytest-xdist carries reports from process to process, but not values of any kind.
    """
    if isinstance(report, pytest.SubtestReport):
        values = {name: repr(value) for name, value in report.context.kwargs.items()}
        message = report.context.msg
        report.context = replace(
            report.context, kwargs=values, msg=None if message is None else str(message)
        )
