"""The whole local stack as one context manager: local AWS, WeChat, the deployed template."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sandbox.chaos.faults import FaultBoard
from sandbox.chaos.proxy import FaultProxy
from sandbox.stack import after_deploy, build, deploy, isolation, places
from sandbox.stack.aws import Clients, Credentials
from sandbox.stack.errors import StackError
from sandbox.stack.functions import Function, functions_of, warming_payload
from sandbox.stack.http_client import Answer, encoded, send
from sandbox.stack.ministack import EmulatorOptions, MiniStack
from sandbox.stack.observe import BusEvent, LogLine, Metric, Observer, eventually
from sandbox.stack.processes import is_running
from sandbox.stack.progress import Progress
from sandbox.stack.roles import FunctionFailedError, Role, Roles, invoke
from sandbox.stack.wechat_process import Component, WeChatProcess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from sandbox.wechat.control_client import SandboxControl

_WARM_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What may differ from run to run. The defaults are what AWS and WeChat do."""

    concurrency: int = 32
    """Invocations at once before the account refuses more; at least 24 for the look-up figures."""
    schedule: bool = True
    """Whether sweep and resync are woken by their schedules; else only when they are invoked."""
    schedule_speed: float = 1.0
    """How many times faster schedules come round."""
    overlap: int = 300
    """Seconds a superseded token is still honoured, 120 to 300: parameter and sandbox."""
    life: int = 7200
    """Seconds a token of the sandbox lives; at least 600."""
    warm: bool = True
    """Whether every function gets a first environment before anything is sent to it."""
    tickets: bool = True
    """Whether the sandbox is told where to push as soon as the platform is there."""
    return_urls: tuple[str, ...] = ()
    """Where merchants may be sent back to; empty: a page of the sandbox's host, ``/returned``."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """More parameters of the template, or other values for them."""
    wechat: Mapping[str, Any] = field(default_factory=dict)
    """More settings of the sandbox, see `sandbox.wechat.settings.Settings`."""
    template: Path = places.TEMPLATE
    """The template to deploy, with its sources beside it."""
    faults: bool = False
    """Whether functions reach AWS through a proxy that injects faults: `LocalStack.faults`."""
    seed: int = 0
    """What the faults are drawn from."""

    def __post_init__(self) -> None:
        if not 120 <= self.overlap <= 300:  # noqa: PLR2004 (the bounds of OverlapSeconds)
            raise ValueError("overlap: 120 to 300 s")
        if self.life < 600:  # noqa: PLR2004 (leases and time-outs are never scaled)
            raise ValueError("life: at least 600 s")


class LocalStack:
    """``with LocalStack() as stack: …``: everything is up inside, and nothing is left afterwards.

    ``stack.platform_url`` is the platform, for browsers, WeChat and signed callers alike;
    ``stack.wechat_url`` the sandbox, on another host; ``stack.aws_url`` the AWS endpoint.
    ``stack.root`` has boto3 clients that may do everything, for looking only: whoever is to prove
    something acts through ``stack.roles``.
    """

    def __init__(
        self, options: StackOptions | None = None, progress: Progress | None = None
    ) -> None:
        self.options = options if options is not None else StackOptions()
        self.progress = progress if progress is not None else Progress()
        self.component = Component.fresh()
        self._proxy = FaultProxy(FaultBoard(self.options.seed)) if self.options.faults else None
        self._emulator = MiniStack(
            EmulatorOptions(
                concurrency=self.options.concurrency,
                schedule_speed=self.options.schedule_speed,
            )
        )
        self._wechat = WeChatProcess(
            self.component,
            {"overlap": self.options.overlap, "life": self.options.life, **self.options.wechat},
        )
        self._stopping = threading.Lock()
        self._secrets: dict[str, str] = {}

    # ---- start and stop -------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything. Whatever goes wrong, nothing is left running."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        # The slow one, `sam build`, stays in this thread: an interrupt ends it at once.
        with ThreadPoolExecutor(2) as background:
            try:
                servers = background.submit(self._start_servers)
                with self.progress.step("build the functions and layers"):
                    built = build.build(self.options.template)
                servers.result()
                imports = background.submit(self._check_imports, built)
                self._deploy(built)
                imports.result()
            except BaseException:
                background.shutdown(wait=False, cancel_futures=True)
                raise
        with self.progress.step("finish what the emulator leaves out"):
            self._finish()
        if self.options.warm:
            with self.progress.step("a first environment for every function"):
                self.warm_all()
        if self.options.tickets:
            self.start_tickets()

    def _start_servers(self) -> None:
        with self.progress.step("start the local AWS and WeChat"):
            if self._proxy is not None:
                self._proxy.start()
                self._emulator.functions_endpoint = self._proxy.url
            self._emulator.start()
            if self._proxy is not None:
                self._proxy.target_port = self._emulator.port
            self._wechat.start(self._emulator.folder)
            self.root = Clients(
                self._emulator.url, self._emulator.options.region, Credentials.root()
            )
            for name, value in (
                ("wxvault/push", self.component.push_secret()),
                ("wxvault/app", self.component.app_secret()),
            ):
                made = self.root.secrets.create_secret(Name=name, SecretString=value)
                self._secrets[name] = made["ARN"]

    def _check_imports(self, built: build.Build) -> None:
        checked = built.folder / ".imports-checked"
        if checked.exists():
            return
        with self.progress.step("import every built handler in isolation"):
            isolation.check(built.template)
        checked.touch()

    def _deploy(self, built: build.Build) -> None:
        with self.progress.step("deploy"):
            self.deployed = deploy.sam_deploy(built.template, self._parameters(), self.root)

    def _parameters(self) -> dict[str, str]:
        returns = self.options.return_urls or (f"{self.wechat_url}/returned",)
        return {
            "ComponentAppid": self.component.appid,
            "PublicBaseUrl": self.platform_url,
            "ReturnUrls": ",".join(returns),
            "PushSecretArn": self._secrets["wxvault/push"],
            "AppSecretArn": self._secrets["wxvault/app"],
            "Egress": "none",
            "WeChatApiBase": self.wechat_url,
            "WeChatPcPageBase": self.wechat_url,
            "WeChatH5PageBase": self.wechat_url,
            "OverlapSeconds": str(self.options.overlap),
            "Architecture": build.architecture(),
            **self.options.parameters,
        }

    def _finish(self) -> None:
        translated = deploy.translated_template(self.root)
        after_deploy.complete(translated, self.deployed, self.root)
        self.outputs: Mapping[str, str] = self.deployed.outputs
        self.functions: dict[str, Function] = functions_of(self.deployed)
        table = self.deployed.only("AWS::DynamoDB::Table")
        self._observer = Observer(self._emulator, self.root, table)
        account = self._emulator.options.account
        api = self.deployed.only("AWS::ApiGatewayV2::Api")
        self.roles = Roles(self.root, account, self.platform_url, api)
        if not self.options.schedule:
            self.set_schedule(enabled=False)

    def stop(self) -> None:
        """End everything and delete what it wrote. May be called twice."""
        with self._stopping:
            try:
                self._wechat.stop()
            finally:
                self._emulator.stop()
                if self._proxy is not None:
                    self._proxy.stop()

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

    # ---- addresses ------------------------------------------------------------------------------

    @property
    def platform_url(self) -> str:
        """The platform: ``http://localhost:PORT``."""
        return self._emulator.platform_url

    @property
    def wechat_url(self) -> str:
        """WeChat: ``http://127.0.0.1:PORT``."""
        return self._wechat.url

    @property
    def aws_url(self) -> str:
        """The AWS endpoint: the platform's port, by address."""
        return self._emulator.url

    @property
    def wechat(self) -> SandboxControl:
        """What a test or a person does to this WeChat."""
        return self._wechat.control

    @property
    def faults(self) -> FaultBoard:
        """What goes wrong between functions and AWS; only with the option of this name."""
        if self._proxy is None:
            raise StackError("functions talk to AWS directly: StackOptions(faults=True)")
        return self._proxy.board

    # ---- acting ---------------------------------------------------------------------------------

    def start_tickets(self) -> None:
        """Tell WeChat where the platform is, as its console does; it pushes a ticket at once."""
        self.wechat.configure(
            event_url=f"{self.platform_url}/wechat/events",
            message_url=f"{self.platform_url}/wechat/$APPID$/messages",
            ticket_push=True,
        )

    def http(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] = b"",
    ) -> Answer:
        """An unsigned request to the platform; a mapping as body is sent as JSON."""
        content, given = encoded(body, headers)
        return send(method, f"{self.platform_url}{path}", headers=given, body=content)

    def trusted_caller(self) -> Role:
        """A role with the stack's policy for trusted callers, who invoke functions directly."""
        policy = self.outputs["TrustedCallerPolicyArn"]
        return self.roles.make("trusted-caller", managed_policies=[policy])

    def invoke(self, name: str, payload: object) -> Any:
        """Invoke a function's alias as root. Raises `FunctionFailedError`."""
        return invoke(self.root, self.functions[name].alias, payload)

    def sweep(self) -> Any:
        """Wake the sweep now, as its schedule would, and return its answer."""
        return self.invoke("sweep", {})

    def set_schedule(self, *, enabled: bool) -> None:
        """Switch the schedules of sweep and resync on or off."""
        for name in self.deployed.of_type("AWS::Scheduler::Schedule").values():
            schedule = self.root.scheduler.get_schedule(Name=name)
            kept = (
                "Name",
                "GroupName",
                "ScheduleExpression",
                "ScheduleExpressionTimezone",
                "FlexibleTimeWindow",
                "Target",
            )
            self.root.scheduler.update_schedule(
                **{key: schedule[key] for key in kept if key in schedule},
                State="ENABLED" if enabled else "DISABLED",
            )

    def warm_all(self) -> None:
        """One environment for every function that has something cheap to answer."""
        names = [name for name in self.functions if warming_payload(name)]
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(lambda name: self.warm(name, 1), names))

    def warm(self, name: str, count: int) -> int:
        """Have at least ``count`` environments of a function; the number there is.

        Parallel invocations each need one. Quick answers free theirs again before all have begun,
        so a few rounds may be needed.
        """
        function = self.functions[name]
        payload = warming_payload(name)
        for _ in range(_WARM_ROUNDS):
            if self._emulator.environments(function.physical) >= count:
                break
            start = threading.Barrier(count)

            def once(start: threading.Barrier = start) -> None:
                start.wait()
                with contextlib.suppress(FunctionFailedError):
                    invoke(self.root, function.alias, payload)

            with ThreadPoolExecutor(count) as pool:
                waiting: list[Future[None]] = [pool.submit(once) for _ in range(count)]
            for future in waiting:
                future.result()
        return self._emulator.environments(function.physical)

    def kill_environments(self, name: str, *, most: int | None = None) -> int:
        """End all environments of a function at once, or ``most``, busy or not; how many.

        What they were doing ends as it does when Lambda loses a host: without an answer.
        """
        physical = self.functions[name].physical
        self._emulator.killed.add(physical)
        pids = self._emulator.worker_pids(physical)[:most]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        def ended() -> bool:
            # A process on its way out has no command line any more, but cannot be reaped yet: the
            # emulator would still take it for alive and hand it the next invocation.
            return not any(is_running(pid) for pid in pids)

        eventually(ended, what="the end of the killed environments")
        return len(pids)

    # ---- looking --------------------------------------------------------------------------------

    def logs(self, *, since: float = 0.0) -> list[LogLine]:
        """Every line that any function has logged, unfiltered, oldest first."""
        return self._observer.logs(since=since)

    def metrics(self, *, since: float = 0.0) -> list[Metric]:
        """Every embedded metric of the functions, oldest first."""
        return self._observer.metrics(since=since)

    def scan_table(self) -> list[dict[str, AttributeValueTypeDef]]:
        """Every item of the table, with DynamoDB's types."""
        return self._observer.scan_table()

    def queue_messages(self) -> dict[str, list[str]]:
        """Bodies of all messages in all queues of the stack, by queue name."""
        return self._observer.queue_messages()

    def bus_events(self) -> list[BusEvent]:
        """Every event that went over the bus since the start."""
        return self._observer.bus_events()

    def complaints(self) -> list[str]:
        """Errors of the emulator itself; should be empty."""
        return self._emulator.complaints()

    def emulator_log(self) -> str:
        """The end of the emulator's own log."""
        return self._emulator.log_tail()
