"""The rules of the house that hold for the code: who may know whom, and what stands where."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "layers" / "wxvault" / "python" / "wxvault"
FUNCTIONS = ROOT / "functions"


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file: its place in the project, and its syntax tree."""

    place: str
    tree: ast.Module
    text: str

    def imports(self) -> set[str]:
        """Return every module that is imported anywhere in the file, for types only as well."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module)
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    def strings(self) -> Iterator[tuple[int, str]]:
        """Return every string with its line, but for docstrings."""
        documentation = {
            node.body[0].value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(self.tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node not in documentation
            ):
                yield node.lineno, node.value

    def attributes(self) -> Iterator[tuple[int, str]]:
        """Return every dotted name such as ``time.time``, with its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield node.lineno, ast.unparse(node)


def read(path: Path, place: str) -> Source:
    """Parse a file."""
    text = path.read_text("utf-8")
    return Source(place, ast.parse(text), text)


@cache
def library() -> tuple[Source, ...]:
    """Return the files of the library, named from its root: ``vault/table.py``."""
    paths = sorted(LIBRARY.rglob("*.py"))
    return tuple(read(path, path.relative_to(LIBRARY).as_posix()) for path in paths)


@cache
def functions() -> tuple[Source, ...]:
    """Return the files of the functions, named from the repository: ``functions/token/app.py``."""
    paths = sorted(FUNCTIONS.rglob("*.py"))
    return tuple(read(path, path.relative_to(ROOT).as_posix()) for path in paths)


def room(place: str) -> str:
    """Return the room a file of the library is in: ``vault`` or, outside of all, ``clock``."""
    first = place.partition("/")[0].removesuffix(".py")
    # The client is a file with a second one beside it.
    return "client" if first.startswith("client") else first


# --- arrows --------------------------------------------------------------------------------------

# Which rooms a room may know. Services know adapters only as protocols of their own, so adapters
# may know the services' values and never the other way round.
MAY_KNOW = {
    "__init__": set[str](),
    "errors": set[str](),
    "clock": set[str](),
    "client": {"client", "errors"},
    "protocol": {"protocol", "errors"},
    "services": {"services", "protocol", "errors", "clock"},
    "wechat": {"wechat", "services", "protocol", "errors", "clock"},
    "vault": {"vault", "services", "protocol", "errors", "clock"},
    "runtime": {"runtime", "wechat", "vault", "services", "protocol", "errors", "clock"},
}


def test_arrows_run_one_way() -> None:
    """No room of the library knows a room that it must not know."""
    for source in library():
        known = {
            room(name.removeprefix("wxvault.").partition(".")[0])
            for name in source.imports()
            if name.startswith("wxvault.")
        }
        assert known <= MAY_KNOW[room(source.place)], source.place


def test_nobody_knows_functions_or_sandbox() -> None:
    """The library never imports what uses it, nor functions the sandbox or each other."""
    for source in (*library(), *functions()):
        roots = {name.partition(".")[0] for name in source.imports()}
        assert not roots & {"functions", "sandbox", "tests", "benchmarks"}, source.place


# Third parties, and the rooms that may use them. What is not listed is not used at all.
THIRD_PARTIES = {
    "boto3": {"vault", "runtime", "client"},
    "botocore": {"vault", "runtime", "client"},
    "mypy_boto3_dynamodb": {"vault", "runtime"},
    "mypy_boto3_kms": {"vault", "runtime"},
    "mypy_boto3_events": {"runtime"},
    "mypy_boto3_lambda": {"runtime", "client"},
    "mypy_boto3_secretsmanager": {"runtime"},
    "mypy_boto3_sqs": {"runtime"},
    "requests": {"wechat"},
    "urllib3": {"wechat"},
    "xmltodict": {"protocol"},
    "Crypto": {"protocol", "vault"},
    "aws_lambda_powertools": {"runtime"},
}


def test_third_parties_stay_in_their_rooms() -> None:
    """AWS's library is used by its adapters, requests by WeChat's, and services use neither."""
    for source in library():
        for name in source.imports():
            party = name.partition(".")[0]
            if party not in sys.stdlib_module_names | {"wxvault"}:
                assert room(source.place) in THIRD_PARTIES[party], (source.place, name)


def test_handlers_know_no_third_party() -> None:
    """A handler uses the library and the standard library, and nothing else."""
    for source in functions():
        roots = {name.partition(".")[0] for name in source.imports()}
        assert roots <= sys.stdlib_module_names | {"wxvault"}, source.place


def test_powertools_is_logger_and_metrics() -> None:
    """No tracer, and no parts of Powertools that the layer leaves out."""
    for source in library():
        for name in source.imports():
            if name.startswith("aws_lambda_powertools."):
                part = name.removeprefix("aws_lambda_powertools.").partition(".")[0]
                assert part in {"Logger", "Metrics", "logging", "metrics"}, (source.place, name)
            assert "xray" not in name


INPUT_AND_OUTPUT = {"asyncio", "http", "os", "pathlib", "socket", "subprocess", "threading", "time"}


def test_protocol_is_pure() -> None:
    """What the protocol says needs no file, socket, thread or clock."""
    for source in library():
        if room(source.place) == "protocol":
            roots = {name.partition(".")[0] for name in source.imports()}
            assert not roots & (INPUT_AND_OUTPUT | {"random", "secrets", "logging"}), source.place


# --- what stands where ---------------------------------------------------------------------------

EXPRESSIONS = re.compile(
    r"(Condition|KeyCondition|Update|Filter|Projection)Expression|ExpressionAttribute"
    r"|attribute_(not_)?exists|begins_with"
)
WECHAT_PATHS = re.compile(r"/cgi-bin/|/wxa|/sns/|/safe/")


def test_dynamodb_expressions_are_written_in_the_vault() -> None:
    """Nobody else writes a condition, so all of them can be read in one place."""
    for source in (*library(), *functions()):
        if room(source.place) != "vault":
            found = [line for line, text in source.strings() if EXPRESSIONS.search(text)]
            keywords = [
                keyword.value.lineno
                for node in ast.walk(source.tree)
                if isinstance(node, ast.Call)
                for keyword in node.keywords
                if keyword.arg is not None and EXPRESSIONS.search(keyword.arg)
            ]
            assert not [*found, *keywords], source.place


def test_paths_of_wechat_are_written_by_its_adapter() -> None:
    """WeChat's paths stand in its adapter and in the links that browsers follow.

    (The client stands alone, and is called with paths anyway.)
    """
    for source in (*library(), *functions()):
        alone = source.place in {"protocol/links.py", "client_calls.py"}
        if room(source.place) != "wechat" and not alone:
            assert not [line for line, text in source.strings() if WECHAT_PATHS.search(text)], (
                source.place
            )


ENVIRON = re.compile(r"^os\.(environ|environb|getenv)$")


def test_the_environment_is_read_by_settings() -> None:
    """Only settings (and the client, which stands alone) look at environment variables."""
    for source in (*library(), *functions()):
        if source.place not in {"runtime/settings.py", "client.py", "client_calls.py"}:
            found = [name for _, name in source.attributes() if ENVIRON.search(name)]
            assert not found, source.place
            assert not {"os.environ", "os.getenv"} & source.imports(), source.place


CLOCKS = re.compile(
    r"\btime\.(time|time_ns|sleep|localtime|gmtime)$|\b(datetime|date)\.(now|utcnow|today)$"
)


def test_only_the_clock_knows_the_time() -> None:
    """Time and sleep are passed in (the client stands alone, and takes its own by argument)."""
    for source in (*library(), *functions()):
        if source.place != "clock.py" and room(source.place) != "client":
            found = [name for _, name in source.attributes() if CLOCKS.search(name)]
            assert not found, source.place
            assert not {"time.time", "time.sleep"} & source.imports(), source.place


def test_randomness_is_passed_in() -> None:
    """Only the runtime draws chance from the machine; rules of the business are given theirs."""
    for source in (*library(), *functions()):
        if room(source.place) != "runtime":
            assert not {"random", "secrets", "uuid"} & source.imports(), source.place


def test_exceptions_of_requests_stay_with_wechat() -> None:
    """WeChat's adapter raises its own errors `from None`: those of requests carry URLs."""
    for source in library():
        if room(source.place) == "wechat" and "requests" in source.imports():
            for node in ast.walk(source.tree):
                if isinstance(node, ast.ExceptHandler):
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Raise) and inner.exc is not None:
                            assert isinstance(inner.cause, ast.Constant), (
                                source.place,
                                inner.lineno,
                            )
                            assert inner.cause.value is None, (source.place, inner.lineno)


# --- how it is written ---------------------------------------------------------------------------


def test_dataclasses_are_frozen_and_slotted() -> None:
    """Values cannot be changed under somebody's hands."""
    for source in (*library(), *functions()):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                for decorator in node.decorator_list:
                    if "dataclass" in ast.unparse(decorator):
                        text = ast.unparse(decorator)
                        assert "frozen=True" in text, (source.place, node.name)
                        assert "slots=True" in text, (source.place, node.name)


SECRET_FIELDS = {
    "access_token",
    "auth_code",
    "authorization_code",
    "component_access_token",
    "component_appsecret",
    "encoding_aes_keys",
    "keys",
    "plain",
    "pre_auth_code",
    "refresh_token",
    "ticket",
    "tokens",
    "wrapped",
}


def test_secrets_are_not_shown_by_repr() -> None:
    """A field that holds a secret says `repr=False`: values end up in logs and tracebacks."""
    for source in library():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and any(
                "dataclass" in ast.unparse(decorator) for decorator in node.decorator_list
            ):
                for field in node.body:
                    if (
                        isinstance(field, ast.AnnAssign)
                        and isinstance(field.target, ast.Name)
                        and field.target.id in SECRET_FIELDS
                        and re.search(r"\b(str|bytes)\b", ast.unparse(field.annotation))
                    ):
                        shown = field.value is None or "repr=False" not in ast.unparse(field.value)
                        assert not shown, (source.place, node.name, field.target.id)


def test_handlers_are_short() -> None:
    """A handler translates and hands on; when it grows, a rule of the business has crept in."""
    for source in functions():
        lines = [
            line
            for line in source.text.splitlines()
            if line.strip() and not line.strip().startswith("#")
        ]
        assert len(lines) <= 80, (source.place, len(lines))


def test_files_hold_one_concept() -> None:
    """No file of the project is longer than 500 lines."""
    for folder in ("functions", "layers", "sandbox", "tests", "tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text("utf-8").splitlines()) <= 500, path.relative_to(ROOT)


def test_the_library_is_typed() -> None:
    """Whoever imports the library gets its types."""
    assert (LIBRARY / "py.typed").is_file()


# --- what is loaded ------------------------------------------------------------------------------

LOADED = """
import sys
sys.path[:0] = {paths}
import {module}
print(*sorted(set(sys.modules) & {{"requests", "aws_xray_sdk", "pydantic"}}))
"""
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
ON_LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "wxvault-under-test",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "LAMBDA_TASK_ROOT": "/var/task",
    "WXVAULT_COMPONENT_APPID": "wx0123456789abcdef",
    "WXVAULT_TABLE_NAME": "table",
    "WXVAULT_SEALING_KEY_ARN": "arn:aws:kms:us-east-1:123456789012:key/0a1b",
    "WXVAULT_PUBLIC_BASE_URL": "https://auth.example.com",
    "WXVAULT_RETURN_URLS": "https://app.example.com",
    "WXVAULT_PUSH_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:p-AbC123",
    "WXVAULT_APP_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbC123",
    "WXVAULT_RENEW_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/renew",
    "WXVAULT_EXCHANGE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/exchange",
    "WXVAULT_RENEW_FUNCTION": "arn:aws:lambda:us-east-1:123456789012:function:renew:live",
    "WXVAULT_EVENT_BUS_NAME": "bus",
}


@pytest.mark.parametrize("on_lambda", [False, True], ids=["imported", "on Lambda"])
@pytest.mark.parametrize(
    ("folder", "module"),
    [("callback", "app"), ("message", "app"), ("exchange", "landing"), ("token", "app")],
)
def test_what_never_calls_wechat_never_loads_requests(
    folder: str, module: str, *, on_lambda: bool
) -> None:
    """These functions start without requests: not when imported, not when wired on Lambda."""
    program = LOADED.format(paths=[str(FUNCTIONS / folder), str(LIBRARY.parent)], module=module)
    environment = ENVIRONMENT | (ON_LAMBDA if on_lambda else {})
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.splitlines()[-1] == ""
