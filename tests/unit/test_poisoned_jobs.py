"""Jobs that no function of ours has sent: both consumers set them aside, and serve the others."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from functions.exchange import worker
from functions.refresh import renew
from tests.unit.desk import CODE, MERCHANT, Desk, GoodWeChat, sha256
from wxvault.errors import WeChatRefusedError
from wxvault.services.onboarding_state import CodeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

FOREIGN = "wx00000000000000ff"
SECRET = "made-up-and-secret-" + "x" * 40


@pytest.fixture(name="desk")
def _desk() -> Iterator[Desk]:
    """Return a fresh desk."""
    with mock_aws():
        yield Desk()


def batch(*bodies: object) -> dict[str, Any]:
    """Return an SQS event; what is no text becomes JSON."""
    return {
        "Records": [
            {
                "messageId": str(number),
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for number, body in enumerate(bodies)
        ]
    }


def failed(answer: dict[str, Any]) -> list[int]:
    """Return the places of the messages that shall come again."""
    return [int(item["itemIdentifier"]) for item in answer["batchItemFailures"]]


def test_renew_sets_aside_what_is_no_job_of_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Good jobs in the same batch are done; nothing that was sent is in the log."""
    desk.with_merchant()
    capsys.readouterr()
    poison: list[object] = [
        SECRET,
        [SECRET],
        {"job": SECRET},
        {"job": "authorizer"},
        {"job": "authorizer", "authorizer_appid": SECRET},
        {"job": "authorizer", "authorizer_appid": MERCHANT, "min_ttl": SECRET},
        {"job": "authorizer", "authorizer_appid": MERCHANT, SECRET: 1},
        {"job": "component", "padding": SECRET * 100},
    ]
    good = [{"job": "component"}, {"job": "authorizer", "authorizer_appid": MERCHANT}]
    answer = desk.handle(renew, batch(good[0], *poison, good[1]))
    assert failed(answer) == list(range(1, len(poison) + 1))
    assert SECRET not in capsys.readouterr().out


def test_an_authorizer_of_another_deployment_is_set_aside(desk: Desk) -> None:
    """Whoever sent it meant another queue: it must not vanish as done."""
    answer = desk.handle(renew, batch({"job": "authorizer", "authorizer_appid": FOREIGN}))
    assert failed(answer) == [0]


class Cancelled(GoodWeChat):
    """WeChat after the merchant has cancelled."""

    def authorizer_info(self, component_appid: str, token: str, authorizer_appid: str) -> Any:
        """Refuse: there is no such authorisation."""
        path = "/cgi-bin/component/api_get_authorizer_info"
        raise WeChatRefusedError("no such authorisation", path=path, wechat_errcode=61003)


def test_a_cancelled_authorizer_is_done(desk: Desk) -> None:
    """Its job was sent before it cancelled; there is nothing to do and nothing to look at."""
    desk.with_merchant()
    desk.replay("callback-unauthorized")
    vars(desk.wiring).update(wechat=Cancelled())
    job = batch({"job": "authorizer", "authorizer_appid": MERCHANT})
    for _ in range(2):
        assert failed(desk.handle(renew, job)) == []
    assert desk.handle(renew, json.loads(job["Records"][0]["body"])) == {"outcome": "absent"}


def test_the_exchange_worker_sets_aside_what_is_no_job_of_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good job in the same batch is done; nothing that was sent is in the log."""
    desk.with_ticket()
    desk.with_session()
    desk.replay("callback-authorized")
    capsys.readouterr()
    unknown = hashlib.sha256(b"nobody wrote this down").hexdigest()
    poison: list[object] = [SECRET, {}, {"code_sha256": SECRET}, {"code_sha256": unknown}]
    answer = desk.handle(worker, batch(*poison, {"code_sha256": sha256(CODE)}))
    assert failed(answer) == list(range(len(poison)))
    code = desk.wiring.codes.get(sha256(CODE))
    assert code is not None
    assert code.status is CodeStatus.DONE
    assert SECRET not in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        {"min_ttl": "soon"},
        {"min_ttl": 1e9},
        {"rejected_token_sha256": "no fingerprint"},
        {"authorizer_appid": "gh_0123456789ab"},
        {"job": "all"},
        {"something": 1},
    ],
    ids=str,
)
def test_an_invoke_of_renew_is_told_what_is_wrong(desk: Desk, more: dict[str, Any]) -> None:
    """A clear error with a remedy, before anything is read or asked."""
    job = {"job": "authorizer", "authorizer_appid": MERCHANT, **more}
    error = desk.handle(renew, job)["error"]
    assert error["code"] == "invalid_request"
    assert error["remedy"]
