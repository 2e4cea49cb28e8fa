"""Faults on purpose: a proxy between functions and AWS, a load, a judge, and the table at the end.

``make chaos`` runs the deployed stack under all of them; the proxy alone serves any other test, see
`sandbox.chaos.proxy`.
"""
