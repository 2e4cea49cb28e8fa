"""Data keys from KMS: bound to a context and a key, and what it says of unusable ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from tests.fakes.clock import FakeClock
from tests.unit.vault.seal_attacks import ATTACKS, Attack, Items
from wxvault.errors import SealBrokenError, SealingKeyError
from wxvault.vault import sealing as module
from wxvault.vault.expressions import Key
from wxvault.vault.sealing import SEALED_KEY, Compartment, KmsDataKeys, Sealing

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

COMPONENT, OTHER = "wx00000000000000c0", "wx00000000000000c1"
KEY = Key(f"A#{COMPONENT}#wx00000000000000a1", "TOKEN")


def sealing(kms: KMSClient, key_arn: str, component: str = COMPONENT) -> Sealing:
    """Return the sealing of one environment."""
    keys = KmsDataKeys(kms, key_arn, component, FakeClock())
    return Sealing(keys, random.Random(1).randbytes)


def test_one_environment_opens_what_another_sealed(kms: KMSClient, key_arn: str) -> None:
    """Each has a data key of its own; what they share is the sealing key in KMS."""
    one = sealing(kms, key_arn).seal(KEY, {"refresh_token": "refreshtoken@@@1"})
    two = sealing(kms, key_arn).seal(KEY, {"refresh_token": "refreshtoken@@@1"})
    assert one[SEALED_KEY] != two[SEALED_KEY]
    assert one["refresh_token"] != two["refresh_token"]
    reader = sealing(kms, key_arn)
    for item in (one, two):
        assert reader.open(KEY, item, "refresh_token") == "refreshtoken@@@1"


def test_a_data_key_is_of_256_bits_and_stored_wrapped_only(kms: KMSClient, key_arn: str) -> None:
    """The plain key is nowhere in what is stored."""
    plain, wrapped = KmsDataKeys(kms, key_arn, COMPONENT, FakeClock()).current(
        Compartment.AUTHORIZERS
    )
    assert len(plain) == 32
    assert plain not in wrapped


def test_another_components_environment_cannot_open_it(kms: KMSClient, key_arn: str) -> None:
    """The context names the component, and KMS refuses another one: the seal counts as broken."""
    sealed = sealing(kms, key_arn).seal(KEY, {"refresh_token": "r"})
    with pytest.raises(SealBrokenError, match="InvalidCiphertextException"):
        sealing(kms, key_arn, OTHER).open(KEY, sealed, "refresh_token")


def test_the_context_is_service_component_and_compartment(kms: KMSClient, key_arn: str) -> None:
    """The very three that the roles' policies demand."""
    _, wrapped = KmsDataKeys(kms, key_arn, COMPONENT, FakeClock()).current(Compartment.AUTHORIZERS)
    context = {
        "service": "wxvault",
        "component_appid": COMPONENT,
        "compartment": "authorizers",
    }
    opened = kms.decrypt(CiphertextBlob=wrapped, KeyId=key_arn, EncryptionContext=context)
    assert len(opened["Plaintext"]) == 32
    others = [context | {"compartment": other} for other in ("component", "arrivals")]
    for less in ({}, {"service": "wxvault"}, context | {"more": "x"}, *others):
        with pytest.raises(ClientError, match="InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=wrapped, KeyId=key_arn, EncryptionContext=less)


def test_a_key_of_somebody_elses_is_not_believed(kms: KMSClient, key_arn: str) -> None:
    """Who may write the table could bring a data key along: KMS is told which key it must be."""
    foreign = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = sealing(kms, foreign).seal(KEY, {"refresh_token": "r"})
    # AWS calls it IncorrectKeyException (a broken seal), moto AccessDeniedException.
    with pytest.raises(SealingKeyError, match="AccessDeniedException"):
        sealing(kms, key_arn).open(KEY, sealed, "refresh_token")


def test_a_damaged_wrapped_key_breaks_the_seal(kms: KMSClient, key_arn: str) -> None:
    """A flipped bit in it is noticed by KMS, and is not a fault of KMS."""
    sealed = sealing(kms, key_arn).seal(KEY, {"refresh_token": "r"})
    wrapped = sealed[SEALED_KEY]
    for damaged in (b"garbage", wrapped[:-1] + bytes([wrapped[-1] ^ 1])):
        with pytest.raises(SealBrokenError, match="InvalidCiphertextException"):
            sealing(kms, key_arn).open(KEY, sealed | {SEALED_KEY: damaged}, "refresh_token")


@pytest.mark.parametrize("damaged", [b"", b"x" * 7000, b"\0"], ids=["empty", "long", "one byte"])
def test_any_wrapped_key_that_is_none_breaks_the_seal(
    kms: KMSClient, key_arn: str, damaged: bytes
) -> None:
    """Also what boto3 would not send and KMS would not take."""
    sealed = sealing(kms, key_arn).seal(KEY, {"refresh_token": "r"})
    with pytest.raises(SealBrokenError):
        sealing(kms, key_arn).open(KEY, sealed | {SEALED_KEY: damaged}, "refresh_token")


def test_a_data_key_of_another_length_breaks_the_seal(kms: KMSClient, key_arn: str) -> None:
    """Whoever may use the sealing key himself can wrap sixteen bytes; no AES-256 comes of them."""
    context = {
        "service": "wxvault",
        "component_appid": COMPONENT,
        "compartment": "authorizers",
    }
    short = kms.encrypt(KeyId=key_arn, Plaintext=b"k" * 16, EncryptionContext=context)
    sealed = sealing(kms, key_arn).seal(KEY, {"refresh_token": "r"})
    with pytest.raises(SealBrokenError, match="another length"):
        sealing(kms, key_arn).open(
            KEY, sealed | {SEALED_KEY: short["CiphertextBlob"]}, "refresh_token"
        )


UNUSABLE = {
    "disabled": ("DisabledException", "enable-key"),
    "to be deleted": ("KMSInvalidStateException", "cancel-key-deletion"),
    "deleted": ("NotFoundException", "SealingKeyArn"),
    "denied": ("AccessDeniedException", "role"),
    "unavailable": ("KeyUnavailableException", "if it passes"),
}


@pytest.mark.parametrize(("code", "remedy"), UNUSABLE.values(), ids=UNUSABLE)
def test_without_the_sealing_key_nothing_is_sealed_or_opened(
    key_arn: str, code: str, remedy: str
) -> None:
    """It fails closed and says what to do; with the key back all goes on."""
    client = boto3.client("kms")
    sealed = sealing(client, key_arn).seal(KEY, {"refresh_token": "r"})
    used = sealing(client, key_arn)
    for request, use in (
        ("generate_data_key", lambda: used.seal(KEY, {"refresh_token": "r"})),
        ("generate_data_key", lambda: used.prepare(Compartment.AUTHORIZERS)),
        ("decrypt", lambda: used.open(KEY, sealed, "refresh_token")),
    ):
        with Stubber(client) as stubber:
            stubber.add_client_error(request, code)
            with pytest.raises(SealingKeyError, match=code) as caught:
                use()
            assert remedy in caught.value.remedy
    assert used.open(KEY, sealed, "refresh_token") == "r"
    assert "refresh_token" in used.seal(KEY, {"refresh_token": "r"})


def test_the_names_of_these_errors_are_those_of_kms() -> None:
    """Each is in the description of Decrypt, so no misspelt name makes a loss of an outage."""
    model = boto3.client("kms").meta.service_model
    known = {shape.name for shape in model.operation_model("Decrypt").error_shapes}
    assert known >= module._NOT_OURS
    # AccessDeniedException is common to all of AWS's services.
    assert known >= set(module._REMEDIES) - {"AccessDeniedException"}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused(kms: KMSClient, key_arn: str, attack: Attack) -> None:
    """The same attacks as without AWS, under wrapped keys of KMS: none opens."""
    mine = sealing(kms, key_arn)
    items = Items.sealed_by(mine, sealing(kms, key_arn))
    with pytest.raises(SealBrokenError):
        mine.open(*attack.make(items))
