"""Jobs: what *renew* and the exchange worker take, and what they refuse without repeating it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from wxvault.errors import InvalidRequestError
from wxvault.runtime.jobs import (
    ClearQuota,
    LookAtTickets,
    exchange_job,
    is_release_job,
    release_job,
    renew_job,
)
from wxvault.runtime.token_requests import TokenRequest

APPID = "wx00000000000000a1"
SHA256 = hashlib.sha256(b"made up").hexdigest()
AUTHORIZER = {"job": "authorizer", "authorizer_appid": APPID}


@pytest.mark.parametrize(
    ("job", "read"),
    [
        ({"job": "component"}, TokenRequest(None, 0, None)),
        ({"job": "component", "rejected_token_sha256": SHA256}, TokenRequest(None, 0, SHA256)),
        (AUTHORIZER, TokenRequest(APPID, 0, None)),
        (
            AUTHORIZER | {"min_ttl": 600, "rejected_token_sha256": SHA256},
            TokenRequest(APPID, 600, SHA256),
        ),
    ],
    ids=["component", "component refused", "authorizer", "authorizer refused"],
)
def test_jobs_of_renew(job: dict[str, Any], read: TokenRequest) -> None:
    """What the sweep, callback and the look-up send is understood."""
    assert renew_job(job) == read


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({}, "job"),
        ({"authorizer_appid": APPID}, "job"),
        ({"job": "everything"}, "job"),
        ({"job": ["component"]}, "job"),
        ({"job": "authorizer"}, "authorizer_appid"),
        ({"job": "authorizer", "authorizer_appid": None}, "authorizer_appid"),
        ({"job": "authorizer", "authorizer_appid": "gh_0123456789ab"}, "authorizer_appid"),
        ({"job": "authorizer", "authorizer_appid": APPID.upper()}, "authorizer_appid"),
        ({"job": "authorizer", "authorizer_appid": [APPID]}, "authorizer_appid"),
        ({"job": "component", "authorizer_appid": APPID}, "authorizer_appid"),
        ({"job": "authorizer", "component": True}, "job"),
        (AUTHORIZER | {"min_ttl": "soon"}, "min_ttl"),
        (AUTHORIZER | {"min_ttl": 1201}, "min_ttl"),
        (AUTHORIZER | {"min_ttl": -1}, "min_ttl"),
        (AUTHORIZER | {"min_ttl": True}, "min_ttl"),
        (AUTHORIZER | {"min_ttl": 1.5}, "min_ttl"),
        (AUTHORIZER | {"rejected_token_sha256": SHA256[:-1]}, "rejected_token_sha256"),
        (AUTHORIZER | {"rejected_token_sha256": SHA256.upper()}, "rejected_token_sha256"),
        (AUTHORIZER | {"rejected_token_sha256": 7}, "rejected_token_sha256"),
    ],
    ids=str,
)
def test_what_is_no_job_of_renew(job: dict[str, Any], field: str) -> None:
    """It is refused before anything is looked up, and the field is named."""
    with pytest.raises(InvalidRequestError) as caught:
        renew_job(job)
    assert caught.value.field == field


def test_a_job_of_the_exchange_worker() -> None:
    """A fingerprint, and nothing else."""
    assert exchange_job({"code_sha256": SHA256}) == SHA256


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"code_sha256": ""},
        {"code_sha256": None},
        {"code_sha256": SHA256[:-1]},
        {"code_sha256": SHA256 + "\n"},
        {"code_sha256": SHA256.upper()},
        {"code_sha256": SHA256, "auth_code": "made up"},
        AUTHORIZER,
    ],
    ids=str,
)
def test_what_is_no_job_of_the_exchange_worker(job: dict[str, Any]) -> None:
    """It is an error, not a code that happens to be gone."""
    with pytest.raises(InvalidRequestError):
        exchange_job(job)


SECRET = "refreshtoken@@@made-up-but-secret"


@pytest.mark.parametrize(
    "job",
    [
        {SECRET: 1},
        {"job": SECRET},
        AUTHORIZER | {SECRET: SECRET},
        {"job": "authorizer", "authorizer_appid": SECRET},
        AUTHORIZER | {"rejected_token_sha256": SECRET},
        AUTHORIZER | {"min_ttl": SECRET},
        {"code_sha256": SECRET},
    ],
    ids=range(7),
)
def test_a_refusal_repeats_nothing(job: dict[str, Any]) -> None:
    """Whatever was sent, names of fields included, is not in the message that is logged."""
    for read in (renew_job, exchange_job):
        with pytest.raises(InvalidRequestError) as caught:
            read(job)
        assert SECRET not in caught.value.message
        assert SECRET not in caught.value.remedy


@pytest.mark.parametrize(
    ("job", "read"),
    [
        ({"job": "tickets"}, LookAtTickets()),
        ({"job": "clear_quota"}, ClearQuota(None)),
        ({"job": "clear_quota", "authorizer_appid": APPID}, ClearQuota(APPID)),
    ],
    ids=str,
)
def test_jobs_of_renew_that_renew_nothing(job: dict[str, Any], read: object) -> None:
    """Tickets and quota need the AppSecret, which nobody else may read."""
    assert renew_job(job) == read


@pytest.mark.parametrize(
    ("job", "field"),
    [
        ({"job": "tickets", "authorizer_appid": APPID}, "job"),
        ({"job": "tickets", "min_ttl": 1}, "job"),
        ({"job": "clear_quota", "authorizer_appid": "all"}, "authorizer_appid"),
        ({"job": "clear_quota", "min_ttl": 1}, "job"),
    ],
    ids=str,
)
def test_what_does_not_belong_to_them(job: dict[str, Any], field: str) -> None:
    """A field that such a job does not have is refused, not ignored."""
    with pytest.raises(InvalidRequestError) as caught:
        renew_job(job)
    assert caught.value.field == field


def test_a_release_job_names_a_code_by_its_fingerprint() -> None:
    """The code itself stays in the table, sealed."""
    assert is_release_job({"release_code_sha256": SHA256})
    assert not is_release_job({"code_sha256": SHA256})
    assert release_job({"release_code_sha256": SHA256}) == SHA256


@pytest.mark.parametrize(
    "job",
    [
        {"release_code_sha256": SECRET},
        {"release_code_sha256": None},
        {"release_code_sha256": SHA256, "touser": SECRET},
    ],
)
def test_what_is_no_release_job_is_refused(job: dict[str, Any]) -> None:
    """Nothing of what was sent is repeated."""
    with pytest.raises(InvalidRequestError) as raised:
        release_job(job)
    assert SECRET not in raised.value.message
