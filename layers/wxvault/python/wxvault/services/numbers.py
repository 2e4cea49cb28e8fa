"""The numbers of the lease and of keeping tokens, in seconds, with what depends on what.

A lease must outlive everything that its holder can still cause: 2 s until the call starts, 7 s for
the call, 13 s in which WeChat may execute it after the client stopped waiting, and 1 s of
disagreement between clocks.
"""

START_SECONDS = 2.0
"""A call to WeChat starts at most this long after its lease was acquired (or extended)."""

CLOCKS_SECONDS = 1.0
"""Clocks of environments agree within this."""

CALL_SECONDS = 7.0
"""Wall-clock deadline of a whole call to WeChat."""

LEASE_SECONDS = 24.0
"""Length of a lease and of a claim on a code."""

WHOLE_CALL_SECONDS = 26.0
"""A call on somebody's behalf, from the look-up of its token to its answer: its function has 29."""

CALL_WITH_FILE_SECONDS = 15.0
"""Deadline of a call on somebody's behalf that may carry a file; for others CALL_SECONDS."""

LEAST_CALL_SECONDS = 2.0
"""With less than this left, such a call is not sent: it could only be cut off."""

BUSY_TRIES = 3
BUSY_PAUSE_SECONDS = 0.3
"""How often a busy WeChat (-1) is asked, and the first pause: doubled each time, and as much again
at random.
"""

WAIT_SECONDS = 8.0
"""How long a look-up waits for somebody else's renewal."""

POLL_SECONDS = 0.15
"""Pause between two reads of somebody who waits."""

ASK_AGAIN_FIRST = 0.3
ASK_AGAIN_CAP = 3.0
"""Pause of a look-up before it asks *renew* again: doubled each time, half of it at random."""

CODE_DUE_SECONDS = 15.0
"""A code that nobody has exchanged after this long is picked up by the sweep."""

EVENT_DUE_SECONDS = 15.0
"""An event that its writer has not sent after this long is sent by the sweep."""

RESEND_SECONDS = 30.0
RESENT_AT_MOST = 5000
"""One sweep sends kept events for so long, and so many of them."""

LARGEST_DETAIL = 255 * 1024
"""EventBridge takes an event of 256 KiB, its name and source included; a table's item has 400."""

SERVED_WHILE_MARKED = 0.8
"""Part of WeChat's overlap in which a token is served though a newer one may exist."""

CACHED = 0.2
"""Part of the overlap for which a token may be cached, and must be old to be refused."""

MARGIN = 1 / 120
"""Part of a token's life before its end in which it is no longer served."""

DUE_FROM = 0.75
DUE_TO = 0.85
"""A token becomes due at a random point of its life between these two parts."""

MIN_TTL_PART = 1 / 6
"""A look-up may ask for at most this part of a token's life to be left."""

BACK_OFF_FIRST = 10.0
BACK_OFF_CAP = 900.0
BACK_OFF_LEAST = 2.0
"""Back-off after refusals: 10 s doubled each time, full jitter, at most 15 minutes. The least is
more than clocks may disagree by, or it would be over at once.
"""

FAILING_AFTER = 3
"""An authorizer is called failing at this many refusals in a row: one -1 is no news."""

FORCED_WINDOW_SECONDS = 600.0
FORCED_LIMIT = 3
"""More forced renewals than this in the window: two systems fight over one account."""

TICKET_LIFE_SECONDS = 12 * 3600
"""WeChat honours a ticket this long."""

TICKETS_TRIED = 3
"""So many of the newest tickets are tried when WeChat refuses one."""

SWEEP_LEASE_SECONDS = 58.0
"""A sweep excludes others this long if it does not come back."""

OVERDUE_SECONDS = 900.0
"""Due longer than this counts as overdue."""

TICKET_STALE_SECONDS = 30 * 60
"""WeChat pushes a ticket every ten minutes: after this long three are missing."""

START_PAUSE_SECONDS = 600
START_PAUSE_CAP = 2400
"""WeChat is asked to start its pushes at most once in so long; doubled with each refusal."""

START_WITHOUT_SECRET_SECONDS = 60
"""There was no AppSecret to ask with: somebody may be about to enter it."""
