"""The steps that every way of exchanging a code shares: opening it, and bringing it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wxvault.errors import SealBrokenError
from wxvault.services.binding import Binding, Bindings
from wxvault.services.policy import back_off

if TYPE_CHECKING:
    from wxvault.services.exchange_ports import CodeItems, Profiles, SessionItems
    from wxvault.services.onboarding_state import Code
    from wxvault.services.ports import AuthorizerAnswer
    from wxvault.services.state import Settled
    from wxvault.services.tools import Tools


class CodeSteps[W]:
    """What is done with a code beside asking WeChat about it."""

    def __init__(
        self, tools: Tools, codes: CodeItems[W], sessions: SessionItems, profiles: Profiles
    ) -> None:
        self._tools = tools
        self._codes = codes
        self._bindings = Bindings(tools, sessions)
        self._profiles = profiles

    def open(self, code: Code) -> str:
        """Return the code itself.

        Raises:
            SealBrokenError: it cannot be opened, or is not there any more.
        """
        text = self._codes.authorization_code(code)
        if text is None:
            message = "authorization_code: it is not there"
            raise SealBrokenError(message)
        return text

    def binding(self, code: Code) -> Binding | None:
        """Tell whose merchant a code's authorizer is."""
        return self._bindings.of(code)

    def done(self, code: Code, claim_id: str, appid: str, binding: Binding | None) -> W:
        """Return the write that ends a code well."""
        tenant_id = None if binding is None else binding.tenant_id
        return self._codes.done(code.code_sha256, claim_id, appid, tenant_id=tenant_id)

    def give_back(self, code: Code, claim_id: str, *, answered: bool = False) -> None:
        """Let a claim go under which no call is open; earlier ones may be.

        ``answered``: WeChat has answered well under this claim, and that could not be kept. It is
        as if nobody had heard it: whoever takes the code again asks what is true.
        """
        later = self._tools.clock.now() + back_off(code.returns + 1, self._tools.uniform)
        unanswered = max(code.unanswered, int(answered))
        self._codes.give_back(code, claim_id, due_at=later, unanswered=unanswered)

    def end(
        self, code: Code, settled: Settled, binding: Binding | None, answer: AuthorizerAnswer
    ) -> None:
        """Do what follows from a code that was exchanged; until then it stays due."""
        appid, now = answer.authorizer_appid, self._tools.clock.now()
        self._tools.events.tell(settled)
        self._profiles.save_permission_sets(appid, answer.func_info, now=now)
        if binding is not None:
            self._bindings.note(binding, appid)
        self._codes.settle(code)

    def end_late(self, code: Code) -> None:
        """Do what is left to do for a code that has ended: it is due, so something is."""
        binding = self._bindings.of(code)
        tenant_id = None if binding is None else binding.tenant_id
        news = tenant_id is not None and tenant_id != code.tenant_id
        also = [self._codes.named(code, tenant_id)] if news and tenant_id else []
        self._bindings.bind_late(code, binding, also)
        self._codes.settle(code, tenant_id=tenant_id)
