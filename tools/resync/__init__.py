"""``make resync`` and ``make adopt``: the table against WeChat's list of authorizers.

One file per question: `asking` (have the function do it), `report` (what is printed), `command`
(once), `adopting` (until everybody is active).
"""
