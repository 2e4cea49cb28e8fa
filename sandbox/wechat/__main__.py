"""``python -m sandbox.wechat``: a WeChat for one desk, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from sandbox.wechat.clock import DeskClock
from sandbox.wechat.desk import Desk
from sandbox.wechat.merchants import EXAMPLES, Merchant, MerchantError
from sandbox.wechat.server import SandboxServer
from sandbox.wechat.settings import Settings, SettingsError, fresh_settings
from sandbox.wechat.values import Minter

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox. Returns 0 after Ctrl-C or SIGTERM, 2 for what cannot be started."""
    options = _options(arguments)
    minter = Minter()
    try:
        settings, merchants = _configuration(options, minter)
    except (OSError, ValueError) as error:
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 2
    desk = Desk(settings, clock=DeskClock(speed=options.speed), minter=minter, merchants=merchants)
    try:
        server = SandboxServer(desk, options.port)
    except OSError as error:
        print(f"Port {options.port} on 127.0.0.1: {error.strerror}", file=sys.stderr)
        return 2
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with server:
        print(_welcome(server, settings), flush=True)
        ended.wait()
        print("\nStopped. Nothing was kept: the next start is a new WeChat.", flush=True)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.wechat",
        description="A WeChat for one desk: the third-party platform protocol on 127.0.0.1.",
    )
    parser.add_argument("--port", type=int, default=8300, help="port on 127.0.0.1 (0: a free one)")
    parser.add_argument("--config", type=Path, help="JSON file: settings, and a list `merchants`")
    parser.add_argument("--component-appid", metavar="APPID", help="default: made up")
    parser.add_argument("--event-url", metavar="URL", help="where pushes go (授权事件接收URL)")
    parser.add_argument(
        "--message-url", metavar="URL", help="where messages go, with $APPID$ (消息与事件接收URL)"
    )
    parser.add_argument("--start-domain", metavar="HOST", help="授权发起页域名 (localhost)")
    parser.add_argument("--start-url", metavar="URL", help="where merchants start, for a link")
    parser.add_argument("--life", type=float, metavar="S", help="life of access tokens (7200)")
    parser.add_argument("--overlap", type=float, metavar="S", help="of superseded tokens (300)")
    parser.add_argument("--ticket-interval", type=float, metavar="S", help="(600)")
    parser.add_argument("--no-tickets", action="store_true", help="push no tickets by itself")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="N", help="run the clock N times as fast"
    )
    return parser.parse_args(arguments)


def _configuration(
    options: argparse.Namespace, minter: Minter
) -> tuple[Settings, tuple[Merchant, ...]]:
    values: dict[str, Any] = {}
    merchants: tuple[Merchant, ...] = EXAMPLES
    if options.config is not None:
        loaded = json.loads(options.config.read_text(encoding="utf-8"))
        if not isinstance(loaded, dict):
            raise SettingsError(f"{options.config}: is not a JSON object")
        values = loaded
        listed = values.pop("merchants", None)
        if listed is not None:
            if not isinstance(listed, list) or not all(isinstance(m, dict) for m in listed):
                raise MerchantError("merchants: is not a list of objects")
            merchants = tuple(Merchant.from_json(entry, minter) for entry in listed)
    for name in (
        "component_appid",
        "event_url",
        "message_url",
        "start_domain",
        "start_url",
        "life",
        "overlap",
        "ticket_interval",
    ):
        given = getattr(options, name)
        if given is not None:
            values[name] = given
    if options.no_tickets:
        values["ticket_push"] = False
    return fresh_settings(minter).changed(values), merchants


def _welcome(server: SandboxServer, settings: Settings) -> str:
    base = server.base_url
    pushes = (
        f"  Tickets are pushed to {settings.event_url} every {settings.ticket_interval:g} s."
        if settings.event_url and settings.ticket_push
        else "  Pushes go nowhere yet: give --event-url, or configure it by the control API."
    )
    return f"""
This is a WeChat for one desk. It plays WeChat's side of the third-party platform protocol:
component tokens, authorisation pages, pushes. It listens on this machine only; everything it
issues is made up and opens nothing elsewhere.

  Open in a browser   {base}/
  API                 {base}/cgi-bin/component/...   (in place of https://api.weixin.qq.com)
  Page for PC         {base}/cgi-bin/componentloginpage
  Page for phones     {base}/wxaopen/safe/bindcomponent
  Control API         {base}/_sandbox/

Configure your SDK with:
  component_appid     {settings.component_appid}
  component_appsecret {settings.component_appsecret}
  Token               {settings.token}
  EncodingAESKey      {settings.encoding_aes_key}

Authorisation must start from a page on, and return to, the host "{settings.start_domain}".
{pushes}
Ctrl-C stops it.
"""


if __name__ == "__main__":
    sys.exit(main())
