"""``make dlq``: what lies in the dead-letter queues, why, and the way back.

One file per question: `stacks` (which stack?), `queues` (what lies there?), `meaning` (what was it
for?), `standing` (is it still wanted?), `reasons` (why did it fail?), `moving` (back, or away),
`report` (what is printed).
"""
