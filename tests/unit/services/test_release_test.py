"""The full-release test: each of WeChat's ten accounts gets what it expects, by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.unit.services.message_kit import USER, MessageDesk, failing, opened
from wxvault.errors import (
    RenewalInProgressError,
    SealBrokenError,
    TableUnavailableError,
    WeChatRefusedError,
    WeChatUnknownError,
)
from wxvault.protocol.release_test import TEST_ACCOUNTS, ReleaseAccount
from wxvault.services.messages import Answered
from wxvault.services.release_test import TRIES, ReleaseAnswering
from wxvault.services.state import Status

if TYPE_CHECKING:
    from tests.fakes.house import House

ACCOUNTS = list(TEST_ACCOUNTS.values())
QUESTION = "TESTCOMPONENT_MSG_TYPE_TEXT"
SUCCESS, EMPTY = Answered(b"success"), Answered(b"")
every_account = pytest.mark.parametrize(
    "account", ACCOUNTS, ids=lambda one: f"{one.group}{one.kind}"
)


@dataclass
class FakeCustomerService:
    """WeChat's customer-service messages; fails first as often as it is told to."""

    problems: list[Exception] = field(default_factory=list)
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    asked: int = 0

    def send_text(self, access_token: str, touser: str, content: str, /) -> None:
        """Take a text."""
        self.asked += 1
        if self.problems:
            raise self.problems.pop(0)
        self.sent.append((access_token, touser, content))


class ReleaseDesk(MessageDesk):
    """A message desk with the exchange worker behind it."""

    def __init__(self, house: House | None = None) -> None:
        super().__init__(house)
        self.customers = FakeCustomerService()
        self.answering = ReleaseAnswering(
            self.house.tools,
            self.house.release_answers,
            self.house.exchange,
            self.house.lookup,
            self.customers,
        )

    def push_to(self, account: ReleaseAccount, content: str, number: int = 1) -> Answered:
        """The account sends a text."""
        return self.send(self.text(content, number, ToUserName=account.user_name), account.appid)

    def work(self) -> list[bool]:
        """Work the queue off as the exchange worker does; what came of each answer."""
        came = []
        while self.jobs.jobs:
            job = self.jobs.jobs.pop(0)
            if "release_code_sha256" in job:
                came.append(self.answering.answer(job["release_code_sha256"]))
            else:
                self.house.exchange.exchange(job["code_sha256"])
        return came


@pytest.fixture(name="desk")
def _desk() -> ReleaseDesk:
    """Return a desk with a component token."""
    desk = ReleaseDesk()
    desk.house.push_ticket()
    desk.house.work()
    return desk


@every_account
def test_the_text_is_answered_at_once(desk: ReleaseDesk, account: ReleaseAccount) -> None:
    """Encrypted, from the account that was written to, and again when it is repeated."""
    plaintext = desk.text(QUESTION, ToUserName=account.user_name)
    for _ in range(2):
        reply = opened(desk.send(plaintext, account.appid))
        assert (reply["MsgType"], reply["Content"]) == ("text", f"{QUESTION}_callback")
        assert (reply["ToUserName"], reply["FromUserName"]) == (USER, account.user_name)
    assert desk.steps == ["text_answered"]


def test_a_test_account_may_push_json(desk: ReleaseDesk) -> None:
    """Nobody says that the check keeps to XML where the console says JSON."""
    account = ACCOUNTS[1]
    fields = {"ToUserName": account.user_name, "FromUserName": USER, "MsgType": "text"}
    plaintext = json.dumps({**fields, "Content": QUESTION, "MsgId": 5}).encode()
    answer = desk.send(plaintext, account.appid, as_json=True)
    assert (answer.is_json, opened(answer)["Content"]) == (True, f"{QUESTION}_callback")


def test_the_event_of_the_older_check(desk: ReleaseDesk) -> None:
    """It is not asked for any more, and harmless."""
    account = ACCOUNTS[0]
    plaintext = desk.text(ToUserName=account.user_name, MsgType="event", Event="LOCATION")
    assert opened(desk.send(plaintext, account.appid))["Content"] == "LOCATIONfrom_callback"
    assert desk.steps == ["event_answered"]


@every_account
@pytest.mark.parametrize("push", ["before", "meanwhile", "after"])
def test_the_code_is_answered(desk: ReleaseDesk, account: ReleaseAccount, push: str) -> None:
    """Nothing at once, then that code by customer service, whichever way the code came first.

    WeChat honours the code once, so it is asked once.
    """
    house = desk.house
    code = house.wechat.confirm(account.appid)
    if push == "before":
        house.push_authorized(code, account.appid)
        house.work()
    assert desk.push_to(account, f"QUERY_AUTH_CODE:{code}") == EMPTY
    if push == "meanwhile":
        house.push_authorized(code, account.appid)
    assert True in desk.work()
    if push == "after":
        house.push_authorized(code, account.appid)
        desk.work()
        house.work()
    ((token, touser, content),) = desk.customers.sent
    assert (touser, content) == (USER, f"{code}_from_api")
    assert push == "after" or house.wechat.honours(account.appid, token)
    assert house.wechat.calls.count("query_auth") == 1
    assert desk.steps == ["code_received", "code_exchanged", "answer_sent"]
    state = house.tokens.get(account.appid)
    assert state is not None
    assert (state.status, state.tenant_id) == (Status.ACTIVE, None)
    assert house.lookup.find(account.appid).access_token


def test_the_end_of_the_check(desk: ReleaseDesk) -> None:
    """The account cancels, and the next check authorises it anew."""
    account = ACCOUNTS[3]
    for number in range(2):
        code = desk.house.wechat.confirm(account.appid)
        desk.push_to(account, f"QUERY_AUTH_CODE:{code}", number)
        assert True in desk.work()
        desk.house.push_authorized(code, account.appid)
        desk.house.work()
        desk.house.clock.sleep(6)
        desk.house.wechat.cancel(account.appid)
        desk.house.push_unauthorized(account.appid)
        desk.house.work()
        state = desk.house.tokens.get(account.appid)
        assert state is not None
        assert state.status is Status.REVOKED
        desk.house.clock.sleep(60)
    assert len(desk.customers.sent) == 2


def test_nothing_of_it_is_told(desk: ReleaseDesk) -> None:
    """The bus has steps and bare messages: no content, and no code anywhere."""
    account = ACCOUNTS[0]
    code = desk.house.wechat.confirm(account.appid)
    desk.push_to(account, f"QUERY_AUTH_CODE:{code}", 1)
    desk.push_to(account, QUESTION, 2)
    desk.push_to(account, "anything", 3)
    desk.work()
    assert [detail["withheld"] for detail in desk.published] == ["secret"] * 3
    assert not [detail for detail in desk.published if "Content" in detail["message"]]
    assert code not in repr(desk.house.bus.sent)
    stored = [item for key, item in desk.house.table.items.items() if key.sk != "TOKEN"]  # type: ignore[attr-defined]
    assert code not in repr(stored)


def test_a_wrong_addressee_is_no_test(desk: ReleaseDesk) -> None:
    """The path is not signed: what is for somebody else is published, counted, and no test."""
    account, other = ACCOUNTS[0], ACCOUNTS[1]
    plaintext = desk.text(QUESTION, ToUserName=other.user_name)
    assert desk.send(plaintext, account.appid) == SUCCESS
    assert desk.counted == {"MessageAddressedElsewhere": 1}
    assert (desk.steps, len(desk.published)) == ([], 1)
    assert desk.published[0]["withheld"] == "secret"


def test_other_texts_of_a_test_account(desk: ReleaseDesk) -> None:
    """They get ``success``, and the account is not taken for an unknown merchant."""
    assert desk.push_to(ACCOUNTS[0], "hello") == SUCCESS
    assert desk.counted == {}
    assert desk.house.tokens.get(ACCOUNTS[0].appid) is None


@pytest.mark.parametrize("code", ["", "secret code", "x" * 513, "secrét"])
def test_a_text_without_a_code(
    desk: ReleaseDesk, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nothing to do, and nothing breaks: log and alarm say so, never what it was."""
    assert desk.push_to(ACCOUNTS[0], f"QUERY_AUTH_CODE:{code}") == EMPTY
    assert desk.jobs.jobs == []
    assert (desk.counted, desk.steps) == ({"MessageUnreadable": 1}, [])
    (record,) = caplog.records
    assert record.getMessage() == "message unreadable"
    assert not code or code not in repr(vars(record))


@pytest.mark.parametrize("content", [QUESTION, "QUERY_AUTH_CODE:abc"])
def test_a_bus_that_hangs_is_waited_for_once(desk: ReleaseDesk, content: str) -> None:
    """Message and step are kept, and WeChat is answered within its five seconds."""
    put = desk.house.bus.put

    def hang(*_: object) -> bool:
        desk.house.clock.sleep(2.2)
        return False

    desk.house.bus.put = hang  # type: ignore[method-assign]
    before = desk.house.clock.now()
    desk.push_to(ACCOUNTS[0], content)
    assert desk.house.clock.now() - before == pytest.approx(2.2)
    desk.house.bus.put = put  # type: ignore[method-assign]
    assert (desk.published, desk.steps) == ([], [])
    desk.house.clock.sleep(60)
    desk.house.sweep.run()
    assert len(desk.published) == len(desk.steps) == 1


# --- what goes wrong -----------------------------------------------------------------------------


def owed(desk: ReleaseDesk) -> str:
    """An account is owed an answer; return its code."""
    code = desk.house.wechat.confirm(ACCOUNTS[0].appid)
    desk.push_to(ACCOUNTS[0], f"QUERY_AUTH_CODE:{code}")
    return code


@pytest.mark.parametrize("errcode", [-1, -1000])
def test_wechats_flake_is_tried_again(desk: ReleaseDesk, errcode: int) -> None:
    """While it checks, WeChat answers so now and then."""
    flake = WeChatRefusedError("flake", path="/x", wechat_errcode=errcode)
    desk.customers.problems = [flake] * (TRIES - 1)
    code = owed(desk)
    assert desk.work() == [True]
    assert desk.customers.sent[0][2] == f"{code}_from_api"


def test_silence_is_tried_again(desk: ReleaseDesk) -> None:
    """Twice is better than never here."""
    desk.customers.problems = [WeChatUnknownError("silence", path="/x")]
    owed(desk)
    assert desk.work() == [True]


def test_a_refused_token_is_renewed(desk: ReleaseDesk) -> None:
    """Another system may have superseded it."""
    desk.customers.problems = [WeChatRefusedError("old", path="/x", wechat_errcode=40001)]
    owed(desk)
    desk.house.clock.sleep(61)
    assert desk.work() == [True]
    assert len(desk.customers.sent) == 1


def test_what_fails_stays_due_and_comes_again(desk: ReleaseDesk) -> None:
    """The sweep sends it to the queue once more."""
    desk.customers.problems = [WeChatUnknownError("silence", path="/x")] * TRIES
    code = owed(desk)
    with pytest.raises(WeChatUnknownError):
        desk.work()
    assert desk.steps[-1] == "answer_failed"
    desk.house.clock.sleep(11)
    desk.house.sweep.run()
    assert desk.work() == [True]
    assert desk.customers.sent[0][2] == f"{code}_from_api"


def test_a_job_that_is_lost_is_found_by_the_sweep(desk: ReleaseDesk) -> None:
    """The answer is written down before anything is sent."""
    owed(desk)
    desk.jobs.jobs.clear()
    desk.house.clock.sleep(16)
    desk.house.sweep.run()
    assert True in desk.work()


def test_a_job_that_comes_twice_answers_once(desk: ReleaseDesk) -> None:
    """So do several workers at once."""
    owed(desk)
    desk.jobs.jobs *= 2
    assert desk.work() == [True, False]
    assert len(desk.customers.sent) == 1


def test_a_token_that_is_not_ready_is_waited_for(desk: ReleaseDesk) -> None:
    """It comes again in seconds."""
    owed(desk)
    desk.house.lookup.find = failing(RenewalInProgressError("busy"))  # type: ignore[method-assign]
    with pytest.raises(RenewalInProgressError):
        desk.work()
    del desk.house.lookup.find
    desk.house.clock.sleep(11)
    desk.house.sweep.run()
    assert True in desk.work()


def test_nobody_waits_for_ever(desk: ReleaseDesk) -> None:
    """After a quarter of an hour the check is over, and the answer is forgotten."""
    owed(desk)
    desk.house.clock.sleep(901)
    assert desk.work() == [False]
    assert desk.customers.asked == 0
    desk.house.clock.sleep(60)
    assert not [key for key in desk.house.table.items if key.sk == "RELEASE"]  # type: ignore[attr-defined]


def test_a_code_that_does_not_open_is_given_up(desk: ReleaseDesk) -> None:
    """It stands nowhere else."""
    owed(desk)
    (key,) = (key for key in desk.house.table.items if key.sk == "RELEASE")  # type: ignore[attr-defined]
    desk.house.table.items[key]["authorization_code"] = b"\x01" + bytes(60)  # type: ignore[attr-defined]
    with pytest.raises(SealBrokenError):
        desk.work()
    assert key not in desk.house.table.items  # type: ignore[attr-defined]


def test_a_code_that_could_not_be_kept_comes_again(desk: ReleaseDesk) -> None:
    """WeChat gets no answer before the code is written down."""
    code = desk.house.wechat.confirm(ACCOUNTS[0].appid)
    desk.house.release_answers.record = failing(TableUnavailableError("down"))  # type: ignore[method-assign]
    with pytest.raises(TableUnavailableError):
        desk.push_to(ACCOUNTS[0], f"QUERY_AUTH_CODE:{code}")
    del desk.house.release_answers.record
    assert desk.push_to(ACCOUNTS[0], f"QUERY_AUTH_CODE:{code}") == EMPTY
    assert True in desk.work()
