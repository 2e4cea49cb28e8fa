"""What is printed: a summary, the changes one by one, and who is not active and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.resync.asking import Told

CHANGES = ("restore", "found", "verify")

_SHOWN = 50
_ACTIONS = {
    "restore": "WeChat's refresh token is stored where none stood",
    "found": "nobody here knew of them; WeChat is asked about each",
    "verify": "WeChat is asked which is true; until then their tokens are withheld",
}
_REASONS = {
    "refresh_token_missing": "the refresh token is missing here",
    "unknown_here": "nobody here has heard of it",
    "other_refresh_token": "WeChat lists another refresh token than the one here",
    "seal_broken": "the refresh token here cannot be opened",
    "pending": "WeChat lists it, and its authorisation was never finished here",
    "revoked_but_listed": "cancelled here, and WeChat lists it",
    "not_listed": "WeChat does not list it",
    "asked_for": "asked for",
    "unchanged": "here and on WeChat's list alike",
    "gone": "cancelled, lost or unknown to WeChat, and not on its list",
    "lost": "WeChat refuses the very refresh token that it lists: the merchant has to authorise",
    "no_api_ability": "authorised, but without API ability: there are no tokens to have",
    "never_exchanged": "confirmed, but nobody has ever exchanged the code",
    "already_verifying": "WeChat is being asked about it already",
    "in_progress": "somebody is renewing or changing it right now",
    "changed_meanwhile": "changed while the list was read, so it is newer",
    "list_incomplete": "not on the part of WeChat's list that could be read",
    "verifying": "WeChat is being asked about it",
    "renewal_due": "its token is about to be fetched",
    "failing": "WeChat refuses its renewals",
    "revoked": "the merchant has cancelled",
}


def summary(told: Told) -> Iterator[str]:
    """Say how the list and the table stand to each other."""
    if told.wechat_calls:
        calls = f"{told.wechat_calls} call{'s' if told.wechat_calls != 1 else ''}"
        yield (
            f"WeChat lists {told.listed:,} merchants ({calls}), {told.active:,} of them were in "
            f"order here; {told.known:,} are known here."
        )
    if not told.list_complete and told.wechat_calls:
        yield "The list could not be read to its end: who is not on it was left alone."
    if told.strange:
        yield f"{told.strange:,} entries of the list could not be read, and were passed over."


def plan(told: Told, *, dry_run: bool) -> Iterator[str]:
    """Say what was changed or would be, by kind and one by one, and what was left."""
    yield "" if told.changes else "Nothing to change."
    for action in CHANGES:
        if told.counts[action]:
            yield f"  {action:<8}{told.counts[action]:>7,}  {_ACTIONS[action]}"
    if told.changes:
        head = "would be changed" if dry_run else "changed"
        yield ""
        yield f"  {head:<20}{'how':<9}why"
        for one in told.changes[:_SHOWN]:
            yield f"  {one['authorizer_appid']:<20}{one['action']:<9}{words(one['reason'])}"
        more = sum(told.counts[action] for action in CHANGES) - _SHOWN
        if more > 0:
            yield f"  … and {more:,} more"
    left = [name for name in told.counts if name not in CHANGES]
    if left:
        yield ""
        yield "  left as they are"
        for name in sorted(left, key=lambda name: -told.counts[name]):
            yield f"  {told.counts[name]:>7,}  {words(name)}"


def missing(not_active: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say who is not active, why, and what to do."""
    for one in not_active[:_SHOWN]:
        code = one["wechat_errcode"]
        said = f" (WeChat says {code})" if code is not None else ""
        yield f"  {one['authorizer_appid']:<20}{words(one['reason'])}{said}"
        if one["remedy"]:
            yield f"  {'':<20}{one['remedy']}"
    if len(not_active) > _SHOWN:
        yield f"  … and {len(not_active) - _SHOWN:,} more"


def words(reason: str) -> str:
    """Return what a reason means."""
    return _REASONS.get(reason, reason)
