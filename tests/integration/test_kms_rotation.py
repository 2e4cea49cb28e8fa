"""The sealing key gets new material: what is sealed opens, and nobody needs to know."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.fakes.clock import FakeClock
from wxvault.vault.expressions import Key
from wxvault.vault.sealing import KmsDataKeys, Sealing

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

COMPONENT = "wx00000000000000c0"
KEY = Key(f"A#{COMPONENT}#wx00000000000000a1", "TOKEN")


def test_rotated_on_demand_old_and_new_seals_open(kms: KMSClient, key_arn: str) -> None:
    """Same key, new material: environments of before and after read each other's items."""
    clock = FakeClock()

    def environment() -> Sealing:
        keys = KmsDataKeys(kms, key_arn, COMPONENT, clock)
        return Sealing(keys, random.Random(1).randbytes)

    before = environment()
    older = before.seal(KEY, {"refresh_token": "of before"})
    kms.rotate_key_on_demand(KeyId=key_arn)
    assert len(kms.list_key_rotations(KeyId=key_arn)["Rotations"]) == 1
    after = environment()
    newer = after.seal(KEY, {"refresh_token": "of after"})
    clock.sleep(301)
    for reader in (before, after, environment()):
        assert reader.open(KEY, older, "refresh_token") == "of before"
        assert reader.open(KEY, newer, "refresh_token") == "of after"
    clock.sleep(3600)
    # An hour later the older environment has a new data key as well, still under the same key.
    assert after.open(KEY, before.seal(KEY, {"refresh_token": "r"}), "refresh_token") == "r"
