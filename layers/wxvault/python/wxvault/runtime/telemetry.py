"""Logs and metrics: the only place that builds Powertools' Logger and Metrics.

The library logs with ``logging.getLogger(__name__)``; all of it arrives at the logger ``wxvault``,
which writes JSON with the secrets taken out.
"""

from __future__ import annotations

import copy
import functools
import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit

from wxvault.errors import SealBrokenError, SealingKeyError, WxvaultError
from wxvault.runtime.redaction import redact, redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOGGER: Final = "wxvault"
NAMESPACE: Final = "wxvault"

# At DEBUG they log requests with everything in them; urllib3 does so in one of its warnings.
_NOISY: Final = {
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "requests": logging.WARNING,
    "s3transfer": logging.WARNING,
    "urllib3": logging.ERROR,
}


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON formatter, with the secrets taken out of every field."""

    def serialize(self, log: Any) -> str:
        """Return the line; runs last, so nothing is added after it."""
        return super().serialize(redact(log))  # type: ignore[arg-type]


class RedactingFilter(logging.Filter):
    """Cleans records of other libraries on their way to the handlers of Lambda's runtime."""

    def filter(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return a copy with message and traceback as redacted text."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        clean = copy.copy(record)
        clean.msg, clean.args = redact_text(text), ()
        clean.exc_info = clean.exc_text = clean.stack_info = None
        return clean


class InvocationError(Exception):
    """An invocation failed unexpectedly; what happened is in the log, redacted.

    Lambda writes the text of what a handler raises into log and answer as it is. So this one goes.
    """


# Named like the package, so that every module's own logger ends here.
logger = Logger(
    service=LOGGER,
    logger_formatter=RedactingFormatter(utc=True, use_rfc3339=True),
)
# Their one dimension, `service`, is Powertools' own variable POWERTOOLS_SERVICE_NAME: the stack.
metrics = Metrics(namespace=NAMESPACE)
_metrics_lock = Lock()


def quiet_others() -> None:
    """Keep other libraries' logs short and clean; harmless to repeat."""
    for name, level in _NOISY.items():
        logging.getLogger(name).setLevel(level)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, RedactingFilter) for present in handler.filters):
            handler.addFilter(RedactingFilter())


quiet_others()


def count(name: str, value: float = 1) -> None:
    """Add to a metric that counts; sent at the end of the invocation. Threads may call it."""
    with _metrics_lock:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def gauge(name: str, value: float) -> None:
    """Set a metric that measures how many there are."""
    with _metrics_lock:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def log_error(event: str, error: BaseException, **about: object) -> None:
    """Log an error under the name of what failed, with ``about`` as further fields.

    A WxvaultError is told by code, message and remedy; anything else with its traceback.
    """
    if isinstance(error, WxvaultError):
        told: dict[str, object] = {
            **about,
            "error_code": error.code,
            "error": error.message,
            "remedy": error.remedy,
        }
        if error.wechat_errcode is not None:
            told["wechat_errcode"] = error.wechat_errcode
        logger.warning(event, extra=told)
    else:
        logger.error(event, extra=about, exc_info=error)


def tell_sealing(error: SealBrokenError | SealingKeyError, about: Mapping[str, str]) -> None:
    """Count and log what did not open, or that KMS refused, however it is healed afterwards."""
    if isinstance(error, SealBrokenError):
        count("SealBroken")
        log_error("seal broken", error, **about)
    else:
        count("SealingKeyUnusable")
        log_error("sealing key unusable", error, **about)


def observed[**P, R](handler: Callable[P, R]) -> Callable[P, R]:
    """Wrap a handler ``(event, context)``: one line for each invocation, metrics sent, no leak.

    The line has the outcome, the time in milliseconds, and whether the environment was cold.
    """
    cold = True

    @functools.wraps(handler)
    def invoke(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal cold
        was_cold, cold = cold, False
        started = time.monotonic()
        _remember_context(args[1] if len(args) > 1 else None)
        outcome = "failed"
        problem: BaseException | None = None
        try:
            answer = handler(*args, **kwargs)
            outcome = "done"
        except Exception as exc:  # noqa: BLE001 - the runtime would print its text
            problem = exc
        finally:
            took = round((time.monotonic() - started) * 1000, 1)
            about = {"outcome": outcome, "duration_ms": took, "cold": was_cold}
            if problem is None:
                logger.info("invocation", extra=about)
            else:
                log_error("invocation", problem, **about)
            _flush()
        if problem is not None:
            failure = InvocationError(f"{type(problem).__name__}: the log has the details")
            # Its frames hold the secrets that were in use.
            problem = None
            raise failure
        return answer

    return invoke


def _remember_context(context: object) -> None:
    logger.append_keys(
        function=getattr(context, "function_name", None),
        request_id=getattr(context, "aws_request_id", None),
    )


def _flush() -> None:
    with _metrics_lock:
        if metrics.provider.metric_set:
            metrics.flush_metrics()
