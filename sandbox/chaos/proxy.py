"""A proxy on loopback between the deployed functions and the local AWS, which injects faults.

Requests are passed on byte for byte, ``Host`` included: signatures cover it. One thread of its own
serves all connections. It sees only what functions send; control and tests talk to AWS directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Final, Self

from sandbox.chaos.faults import FaultBoard, Injection
from sandbox.chaos.messages import HEAD_LIMIT, BrokenMessageError, Message, read_message
from sandbox.chaos.operations import Operation, operation_of
from sandbox.chaos.throttles import throttled

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 10.0
_BAD_GATEWAY: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class FaultProxy:
    """``with FaultProxy(board) as proxy: proxy.target_port = …``; functions talk to ``proxy.url``.

    ``board`` says what happens to each request; without rules everything is passed on.
    """

    def __init__(self, board: FaultBoard | None = None, *, target_port: int = 0) -> None:
        self.board = board if board is not None else FaultBoard()
        self.target_port = target_port
        """Where AWS is, on the same host; to be set before the first request."""
        self.port = 0
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The AWS endpoint as functions are to see it."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Serve from now on, on a port of its own."""
        self._started.clear()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="fault-proxy", daemon=True
        )
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise TimeoutError("the fault proxy does not start")

    def stop(self) -> None:
        """End; what is under way is cut off. May be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._end()
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ---- its thread -----------------------------------------------------------------------------

    async def _serve(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(stop.set)
        server = await asyncio.start_server(self._accepted, HOST, 0, limit=HEAD_LIMIT, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await stop.wait()
        server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        # Cancelled: the end of the proxy. Everything else: the end of this connection.
        with contextlib.suppress(BrokenMessageError, OSError, asyncio.CancelledError):
            while (request := await read_message(reader)) is not None:
                answer = await self._answer(request)
                if answer is None:
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
                if not request.keeps_open:
                    break
        writer.close()

    async def _answer(self, request: Message) -> bytes | None:
        """Return what the client gets; None: its connection is closed instead."""
        operation = operation_of(request.method, request.target, request.headers, request.body)
        injection = self.board.take(operation)
        if injection is None:
            return await self._pass_on(request)
        return await self._inject(injection, operation, request)

    async def _inject(
        self, injection: Injection, operation: Operation, request: Message
    ) -> bytes | None:
        match injection.kind:
            case "throttle":
                return throttled(operation, request.body, injection.number)
            case "drop_before":
                return None
            case "drop_after":
                await self._pass_on(request)
                return None
            case "delay":
                await asyncio.sleep(injection.seconds)
                return await self._pass_on(request)
            case _:
                first = await self._pass_on(request)
                await self._pass_on(request)
                return first

    async def _pass_on(self, request: Message) -> bytes:
        """Send a request to AWS as it came, and return the answer as it came."""
        try:
            reader, writer = await asyncio.open_connection(HOST, self.target_port, limit=HEAD_LIMIT)
        except OSError:
            return _BAD_GATEWAY
        try:
            writer.write(request.raw)
            await writer.drain()
            answer = await read_message(reader, answer=True)
        except (BrokenMessageError, OSError):
            return _BAD_GATEWAY
        finally:
            writer.transport.abort()
        return answer.raw if answer is not None else _BAD_GATEWAY
