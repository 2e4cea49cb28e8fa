"""What tests of authorization codes share: one code, and how it is written down and claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.unit.vault.kit import AUTHORIZATION_CODE, COMPONENT, MERCHANT, NOW
from wxvault.services.onboarding_state import Arrival
from wxvault.vault.keys import code_key, fingerprint

if TYPE_CHECKING:
    from tests.unit.vault.kit import Vault
    from wxvault.services.onboarding_state import Code

SHA = fingerprint(AUTHORIZATION_CODE)
KEY = code_key(COMPONENT, SHA)
PUSHED = Arrival(MERCHANT, int(NOW), fingerprint("pre-auth"))
REDIRECTED = Arrival(session_sha256=fingerprint("session"))
TOLD = {
    "authorizer_appid": MERCHANT,
    "create_time": int(NOW),
    "pre_auth_sha256": fingerprint("pre-auth"),
}


def record(vault: Vault, arrival: Arrival = PUSHED, *, now: float = NOW) -> Code:
    """Write the code down."""
    return vault.codes.record(AUTHORIZATION_CODE, arrival, now=now)[0]


def claim(vault: Vault, claim_id: str = "mine", *, now: float = NOW) -> Code:
    """Claim the code, which must be free."""
    code = vault.codes.claim(SHA, claim_id, now=now)
    assert code is not None
    return code


def there(vault: Vault) -> dict[str, Any]:
    """Return the code's item."""
    return vault.table.items[KEY]


def read(vault: Vault) -> Code:
    """Read the code, which must be there."""
    code = vault.codes.get(SHA)
    assert code is not None
    return code
