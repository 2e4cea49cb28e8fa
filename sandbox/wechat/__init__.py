"""A WeChat for one desk: WeChat's side of the third-party platform protocol, on loopback.

Start it with ``python -m sandbox.wechat``. It knows nothing of wxvault: any SDK can run against it,
only the base URL differs.
"""

from sandbox.wechat.control_client import SandboxControl
from sandbox.wechat.desk import Desk
from sandbox.wechat.server import SandboxServer
from sandbox.wechat.settings import Settings

__all__ = ["Desk", "SandboxControl", "SandboxServer", "Settings"]
