"""Tells whether a directed test has noticed a missing guard, or only stumbled over its absence."""

from __future__ import annotations

import pytest

_NOTICED = (AssertionError, pytest.fail.Exception)


class Witness:
    """A plug-in of pytest that looks at every failure.

    A test notices by an assertion, by an error that was expected and stayed away, or by an error
    of the vault's own. Any other one (a ``NameError``, say), and every failure of a fixture or of
    an import, only shows that the mutant does not run.
    """

    def __init__(self) -> None:
        self.noticed: list[str] = []
        """What the failures said that prove something."""
        self.broke: list[str] = []
        """What the others said."""

    def pytest_exception_interact(
        self, call: pytest.CallInfo[object], report: pytest.TestReport | pytest.CollectReport
    ) -> None:
        """Take a failure down."""
        assert call.excinfo is not None
        error = call.excinfo.value
        own = type(error).__module__.partition(".")[0] == "wxvault"
        noticed = report.when == "call" and (own or isinstance(error, _NOTICED))
        first = (str(error).splitlines() or [""])[0]
        (self.noticed if noticed else self.broke).append(f"{type(error).__name__}: {first}")


def questioned(place: str) -> Witness:
    """Run a directed test; return what its failures were."""
    witness = Witness()
    command = ["-q", "--tb=no", "-p", "no:cacheprovider", place]
    code = pytest.ExitCode(pytest.main(command, plugins=[witness]))
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        # Nothing was run: there is no such test, or it could not be imported.
        witness.broke.append(f"pytest ends with {code.name}")
    return witness
