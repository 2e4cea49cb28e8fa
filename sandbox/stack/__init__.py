"""The local stack: the real template, deployed into an AWS on loopback, with WeChat beside it.

Start it with ``python -m sandbox.stack up``, or use `sandbox.stack.stack.LocalStack` from a test.
"""
