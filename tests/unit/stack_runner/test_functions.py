"""Functions by their plain names."""

from __future__ import annotations

import pytest

from sandbox.stack.deploy import Deployed
from sandbox.stack.functions import Function, functions_of, plain_name, warming_payload
from sandbox.stack.local_template import read_template
from sandbox.stack.places import TEMPLATE


@pytest.mark.parametrize(
    ("logical", "plain"),
    [("TokenFunction", "token"), ("ExchangeWorkerFunction", "exchange-worker")],
)
def test_plain_names(logical: str, plain: str) -> None:
    """The name is the one of the log group."""
    assert plain_name(logical) == plain


def test_a_function_comes_with_its_alias() -> None:
    """Nobody but the alias is invoked."""
    deployed = Deployed(
        outputs={},
        resources={"TokenFunction": "wxvault-Token-1", "TokenFunctionAliaslive": "arn:live"},
        types={
            "TokenFunction": "AWS::Lambda::Function",
            "TokenFunctionAliaslive": "AWS::Lambda::Alias",
        },
    )
    assert functions_of(deployed) == {"token": Function("token", "wxvault-Token-1", "arn:live")}


def test_every_function_but_the_sweep_can_be_warmed() -> None:
    """A new function in the template needs a payload here, or a reason as the sweep has one."""
    resources = read_template(TEMPLATE)["Resources"]
    names = {
        plain_name(logical)
        for logical, body in resources.items()
        if body["Type"] == "AWS::Serverless::Function"
    }
    # The sweep has nothing that it could answer without doing its work.
    assert {name for name in names if not warming_payload(name)} == {"sweep"}
