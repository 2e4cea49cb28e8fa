"""What WeChat is told when a push has been taken."""

from __future__ import annotations

from typing import Final

SUCCESS: Final = b"success"
"""The only right answer on the event URL: these seven bytes, unencrypted, with status 200.

Any other or longer body counts as a failure, and after enough failures WeChat stops the tickets.
Page: Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.
"""
