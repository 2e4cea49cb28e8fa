"""What a refusal must be: clear to whoever reads it, without effect, without a secret."""

from __future__ import annotations

import html
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sandbox.stack.leaks import search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.stack.http_client import Answer
    from sandbox.stack.stack import LocalStack

type Items = dict[tuple[str, str], dict[str, Any]]


def items(stack: LocalStack) -> Items:
    """Every item of the table by its key, but for the verdict on the last push."""
    found = {(item["pk"]["S"], item["sk"]["S"]): dict(item) for item in stack.scan_table()}
    return {key: item for key, item in found.items() if key[1] != "PUSH"}


@contextmanager
def unchanged_table(
    stack: LocalStack, besides: Callable[[tuple[str, str]], bool] = lambda _: False
) -> Iterator[None]:
    """Nothing in the table is made, changed or deleted inside, ``besides`` what may be."""
    before = items(stack)
    yield
    after = items(stack)
    keys = {key for key in before.keys() | after.keys() if not besides(key)}
    changed = {key: _differing(before.get(key, {}), after.get(key, {})) for key in keys}
    assert {key: names for key, names in changed.items() if names} == {}


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names of attributes that differ, never their values."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def assert_clear(stack: LocalStack, answer: Answer, status: int, code: str) -> dict[str, Any]:
    """A JSON answer that says what is wrong and what to do, with no secret in it; its error."""
    assert answer.status == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["remedy"]
    assert error["request_id"]
    assert_no_secret(stack, answer.text)
    return error


def assert_clear_page(stack: LocalStack, answer: Answer, status: int, code: str) -> str:
    """A page that says the same to a person; its text without markup."""
    assert answer.status == status, answer.text
    assert answer.header("content-type").startswith("text/html")
    assert answer.header("cache-control") == "no-store"
    assert_no_secret(stack, answer.text)
    text = html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL))
    assert code in text
    return text


def assert_no_secret(stack: LocalStack, text: str) -> None:
    """No secret that WeChat has issued, nor one of the console, stands in a text."""
    assert search({"answer": text}, stack.wechat.secrets()) == []


def pushed_message(stack: LocalStack, function: str, message: str, since: float) -> dict[str, Any]:
    """The last log line of a function with this message."""
    lines = [line.fields() for line in stack.logs(since=since) if line.function == function]
    found = [fields for fields in lines if fields.get("message") == message]
    assert found, f"{function} logged no {message!r}: {json.dumps(lines[-3:])}"
    return found[-1]
