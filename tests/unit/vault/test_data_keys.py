"""Data keys: one request to KMS per hour and writer, and hardly any for readers."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.fakes.clock import FakeClock
from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.vault.sealing import Compartment, KmsDataKeys

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ARN = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
TOKENS = Compartment.AUTHORIZERS
CONTEXT = {
    "service": "wxvault",
    "component_appid": "wx00000000000000c0",
    "compartment": "authorizers",
}


def unwrapped(wrapped: bytes) -> bytes:
    """What this KMS makes of a wrapped key: 32 bytes, as long as they are asked for."""
    return wrapped[::-1] if len(wrapped) == 32 else wrapped[::-1].rjust(32, b".")


@dataclass
class FakeKms:
    """Wraps by writing backwards; counts who asks, and may have a problem."""

    generated: int = 0
    decrypted: list[bytes] = field(default_factory=list)
    problem: Exception | None = None

    def generate_data_key(self, **request: Any) -> dict[str, bytes]:
        """Make a key."""
        assert request == {"KeyId": ARN, "KeySpec": "AES_256", "EncryptionContext": CONTEXT}
        if self.problem is not None:
            raise self.problem
        self.generated += 1
        plain = f"plain-{self.generated:026d}".encode()
        return {"Plaintext": plain, "CiphertextBlob": plain[::-1]}

    def decrypt(self, **request: Any) -> dict[str, bytes]:
        """Unwrap a key."""
        assert request.keys() == {"CiphertextBlob", "KeyId", "EncryptionContext"}
        assert (request["KeyId"], request["EncryptionContext"]) == (ARN, CONTEXT)
        if self.problem is not None:
            raise self.problem
        self.decrypted.append(request["CiphertextBlob"])
        return {"Plaintext": unwrapped(request["CiphertextBlob"])}


@pytest.fixture
def kms() -> FakeKms:
    """Return a KMS."""
    return FakeKms()


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock."""
    return FakeClock()


@pytest.fixture
def keys(kms: FakeKms, clock: FakeClock) -> KmsDataKeys:
    """Return the data keys of one environment."""
    return KmsDataKeys(cast("KMSClient", kms), ARN, CONTEXT["component_appid"], clock)


def error(code: str) -> ClientError:
    """Return what boto3 raises."""
    return ClientError({"Error": {"Code": code, "Message": "told by KMS"}}, "Decrypt")


def test_a_writer_asks_once_an_hour(keys: KmsDataKeys, kms: FakeKms, clock: FakeClock) -> None:
    """One key seals everything for 3,600 s, and then never again."""
    first = keys.current(TOKENS)
    clock.sleep(3599.9)
    assert keys.current(TOKENS) == first
    clock.sleep(0.1)
    assert keys.current(TOKENS) != first
    assert kms.generated == 2


def test_a_reader_asks_once_in_300_seconds(
    keys: KmsDataKeys, kms: FakeKms, clock: FakeClock
) -> None:
    """A look-up costs no request in the steady state, and a key is not kept for long."""
    assert keys.unwrap(TOKENS, b"one") == unwrapped(b"one")
    clock.sleep(299.9)
    assert keys.unwrap(TOKENS, b"one") == unwrapped(b"one")
    assert kms.decrypted == [b"one"]
    clock.sleep(0.1)
    assert keys.unwrap(TOKENS, b"one") == unwrapped(b"one")
    assert kms.decrypted == [b"one", b"one"]


def test_reading_does_not_lengthen_the_time(
    keys: KmsDataKeys, kms: FakeKms, clock: FakeClock
) -> None:
    """300 s count from KMS's answer: a key that was disabled is noticed, however busy it is."""
    for _ in range(4):
        keys.unwrap(TOKENS, b"one")
        clock.sleep(100)
    assert len(kms.decrypted) == 2


def test_a_reader_keeps_1000_keys(keys: KmsDataKeys, kms: FakeKms) -> None:
    """The one that was used longest ago makes room; what is in use stays."""
    wrapped = [f"{number:04d}".encode() for number in range(1001)]
    for one in wrapped[:1000]:
        keys.unwrap(TOKENS, one)
    keys.unwrap(TOKENS, wrapped[0])
    assert len(kms.decrypted) == 1000
    keys.unwrap(TOKENS, wrapped[1000])
    assert len(keys._kept) == 1000
    keys.unwrap(TOKENS, wrapped[0])
    assert len(kms.decrypted) == 1001, "in use, so it stayed"
    keys.unwrap(TOKENS, wrapped[1])
    assert len(kms.decrypted) == 1002, "not used, so it went"


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_a_wrapped_key_that_is_not_ours_breaks_the_seal(
    keys: KmsDataKeys, kms: FakeKms, code: str
) -> None:
    """Asking again would not help: the value is healed from WeChat. The answer's code is told."""
    kms.problem = error(code)
    with pytest.raises(SealBrokenError, match=code) as caught:
        keys.unwrap(TOKENS, b"wrapped")
    assert "told by KMS" not in "".join(traceback.format_exception(caught.value))
    kms.problem = None
    assert keys.unwrap(TOKENS, b"wrapped") == unwrapped(b"wrapped"), "a failure is not kept"


@pytest.mark.parametrize("wrapped", [b"", b"x" * 6145], ids=["none", "more than KMS takes"])
def test_what_kms_would_not_even_look_at_breaks_the_seal(
    keys: KmsDataKeys, kms: FakeKms, wrapped: bytes
) -> None:
    """boto3 refuses an empty one, KMS a long one: neither is an outage."""
    with pytest.raises(SealBrokenError, match=f"of {len(wrapped)} bytes"):
        keys.unwrap(TOKENS, wrapped)
    assert kms.decrypted == []


def test_a_data_key_of_another_length_breaks_the_seal(
    keys: KmsDataKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may encrypt with the sealing key can wrap what is no AES-256 key."""
    monkeypatch.setitem(globals(), "unwrapped", lambda wrapped: wrapped)
    with pytest.raises(SealBrokenError, match="another length"):
        keys.unwrap(TOKENS, b"short")


UNUSABLE = {
    "disabled": (error("DisabledException"), "enable-key"),
    "to be deleted": (error("KMSInvalidStateException"), "cancel-key-deletion"),
    "deleted": (error("NotFoundException"), "SealingKeyArn"),
    "denied": (error("AccessDeniedException"), "role"),
    "throttled": (error("ThrottlingException"), "if it passes"),
    "internal": (error("KMSInternalException"), "if it passes"),
    "unavailable": (error("KeyUnavailableException"), "if it passes"),
    "no connection": (EndpointConnectionError(endpoint_url="https://kms"), "if it passes"),
}


@pytest.mark.parametrize(("problem", "remedy"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_be_used_is_no_broken_seal(
    keys: KmsDataKeys, kms: FakeKms, problem: Exception, remedy: str
) -> None:
    """Nobody asks WeChat for what is still there; who can help is told what to do."""
    kms.problem = problem
    for use in (lambda: keys.unwrap(TOKENS, b"wrapped"), lambda: keys.current(TOKENS)):
        with pytest.raises(SealingKeyError, match="KMS says") as caught:
            use()
        assert remedy in caught.value.remedy
        assert "told by KMS" not in "".join(traceback.format_exception(caught.value))
    kms.problem = None
    assert keys.unwrap(TOKENS, b"wrapped") == unwrapped(b"wrapped"), "back at once"
    assert keys.current(TOKENS)[0].startswith(b"plain-")


def test_while_the_key_is_disabled_what_is_kept_serves_on(
    keys: KmsDataKeys, kms: FakeKms, clock: FakeClock
) -> None:
    """Readers for 300 s from their last request, writers that never read for up to an hour."""
    keys.unwrap(TOKENS, b"one")
    first = keys.current(TOKENS)
    kms.problem = error("DisabledException")
    clock.sleep(299.9)
    assert keys.unwrap(TOKENS, b"one") == unwrapped(b"one")
    clock.sleep(0.1)
    assert keys.current(TOKENS) == first, "a writer does not know"
    clock.sleep(3299.9)
    assert keys.current(TOKENS) == first
    clock.sleep(0.1)
    with pytest.raises(SealingKeyError):
        keys.current(TOKENS)
    kms.problem = None
    assert keys.current(TOKENS) != first


def test_who_finds_the_key_unusable_writes_no_more_with_it(keys: KmsDataKeys, kms: FakeKms) -> None:
    """Or a renewal would be sealed away where nobody can open it, while WeChat counts it."""
    keys.current(TOKENS)
    kms.problem = error("DisabledException")
    with pytest.raises(SealingKeyError):
        keys.unwrap(TOKENS, b"one")
    with pytest.raises(SealingKeyError):
        keys.current(TOKENS)


def test_a_key_can_be_asked_for_that_lives_long_enough(
    keys: KmsDataKeys, kms: FakeKms, clock: FakeClock
) -> None:
    """Before a question to WeChat: what it answers can still be sealed two minutes later."""
    first = keys.current(TOKENS)
    clock.sleep(3479)
    assert keys.current(TOKENS, left=120) == first
    clock.sleep(1)
    second = keys.current(TOKENS, left=120)
    assert second != first
    clock.sleep(60)
    assert keys.current(TOKENS) == second
    assert kms.generated == 2


def test_threads_share_one_key(kms: FakeKms, keys: KmsDataKeys) -> None:
    """Ten that begin together make one request."""
    together = threading.Barrier(10, timeout=10)
    got: list[tuple[bytes, bytes]] = []

    def seal() -> None:
        together.wait()
        got.append(keys.current(TOKENS))

    threads = [threading.Thread(target=seal) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert len(got) == 10
    assert kms.generated == 1


def test_no_repr_shows_a_key(keys: KmsDataKeys) -> None:
    """Neither the object nor what it holds prints a plain or a wrapped key."""
    plain, wrapped = keys.current(TOKENS)
    keys.unwrap(TOKENS, wrapped)
    told = repr(keys) + repr(keys._writing) + repr(keys._kept.popitem()[1])
    assert plain.decode() not in told
    assert wrapped.decode() not in told
