"""What holds for every test: no network, no credentials of the machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

LOOPBACK = ("loopback", "stack", "browser")

# boto3 must find neither credentials nor a region of the machine the tests run on.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    # The stack's name on AWS; Powertools reads it when it is imported.
    "POWERTOOLS_SERVICE_NAME": "wxvault",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("wxvault", deadline=None)
settings.load_profile("wxvault")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Forbid sockets to every test, but to those marked loopback, stack or browser 127.0.0.1."""
    for item in items:
        if any(item.get_closest_marker(name) for name in LOOPBACK):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))
        else:
            item.add_marker(pytest.mark.disable_socket)
