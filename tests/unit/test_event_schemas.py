"""What is published fits what subscribers were told: schemas, samples, documents, fakes agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox.stack.event_schemas import SCHEMAS, SchemaError, must_fit, names, schema
from sandbox.stack.observe import bus_event
from tests.fakes.house import FakeBus
from tests.unit.test_docs import told_events

SAMPLES = Path(__file__).resolve().parents[2] / "events" / "bus"
NAMES = names()
OF_ALL = {"version", "event_id", "component_appid", "occurred_at"}


# What a field may be, apart from the schemas: kinds of JSON values. "word" is a text of a closed
# list or of a certain shape, so that any other text is refused.
FIELDS: dict[str, set[str]] = {
    "version": {"word"},
    "event_id": {"word"},
    "component_appid": {"word"},
    "occurred_at": {"number", "whole"},
    "authorizer_appid": {"word"},
    "tenant_id": {"text", "null"},
    "addressed_elsewhere": {"boolean", "true"},
    "sequence": {"whole"},
    "status": {"word"},
    "ticket_stale": {"boolean"},
    "from_tenant_id": {"text", "null"},
    "to_tenant_id": {"text", "null"},
    "claimed_by_tenant_id": {"text"},
    "forced_renewals": {"whole"},
    "wechat_errcode": {"whole", "null"},
    "reason": {"word"},
    "age": {"number", "whole", "null"},
    "stale_for": {"number", "whole"},
    "last_ticket_at": {"number", "whole", "null"},
    "last_push_at": {"number", "whole", "null"},
    "last_verdict": {"text", "null"},
    "remedy": {"text"},
    "create_time": {"whole", "null"},
    "info_type": {"text"},
    "msg_type": {"text", "null"},
    "event": {"text", "null"},
    "message": {"object", "null"},
    "fields": {"object", "null"},
    "withheld": {"word", "null"},
    "omitted": {"texts"},
    "msg": {"text", "null"},
    "session_sha256": {"word", "null"},
    "group": {"whole"},
    "account": {"word"},
    "step": {"word"},
}
NAMED_OTHERWISE: dict[tuple[str, str], set[str]] = {
    ("component.ticket_stale", "ticket_stale"): {"true"},
    ("component.ticket_recovered", "ticket_stale"): {"false"},
    ("registration.failed", "authorizer_appid"): {"word", "null"},
    ("registration.failed", "info_type"): {"text", "null"},
    ("registration.succeeded", "info_type"): {"text", "null"},
    ("registration.failed", "status"): {"whole", "null"},
    ("registration.succeeded", "status"): {"zero"},
}
VALUES: list[tuple[object, set[str]]] = [
    (None, {"null"}),
    (True, {"boolean", "true"}),
    (False, {"boolean", "false"}),
    (0, {"zero"}),
    (0.5, {"number"}),
    (3, {"number", "whole"}),
    ("any text", {"text"}),
    (["any text"], {"texts"}),
    ([7], set()),
    ({"Content": "any text"}, {"object"}),
    # A message's numbers are texts, however deep they stand.
    ({"MsgId": 7}, set()),
    ({"List": ["a", {"Count": 7}]}, set()),
    ({"Ok": True}, set()),
]
MAY_BE_ABSENT = {
    # Silence has no error code, and what was never asked has a reason instead.
    ("authorizer.failing", "wechat_errcode"),
    ("component.failing", "wechat_errcode"),
    ("component.failing", "reason"),
}


def sample(name: str) -> dict[str, Any]:
    """Return a sample as EventBridge delivers it."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return found


def test_every_event_has_a_schema_and_a_sample() -> None:
    """Whatever is told in docs/events.md, and nothing else."""
    assert set(NAMES) == set(told_events())
    assert sorted(path.stem for path in SAMPLES.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    """It is JSON Schema 2020-12, says what it is of and of which version, and describes all."""
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (found["$id"], found["title"]) == (f"urn:wxvault:event:{name}:1", name)
    assert found["properties"]["version"]["const"] == "1"
    assert set(found["required"]) >= OF_ALL
    assert set(found["required"]) <= set(found["properties"])
    assert found["additionalProperties"] is True, "subscribers bear fields that are added"
    text = (SCHEMAS / f"{name}.json").read_text("utf-8")
    assert text == json.dumps(found, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_are_those_of_the_documents(name: str) -> None:
    """A field that is told is in the schema, and the other way round."""
    fields = set(schema(name)["properties"]) - OF_ALL - {"left_out"}
    if name.startswith("authorizer."):
        fields -= {"authorizer_appid", "tenant_id", "sequence", "status"}
    if name.startswith("component."):
        fields -= {"sequence", "status", "ticket_stale"}
    assert fields == told_events()[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_fits(name: str) -> None:
    """It is what EventBridge delivers, and its detail is closed."""
    event = sample(name)
    assert (event["detail-type"], event["source"], event["version"]) == (name, "wxvault", "0")
    must_fit(name, event["detail"])


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_found(name: str) -> None:
    """A field too many, one too few, one of another type: nothing of the value is said."""
    good = sample(name)["detail"]
    wrong: list[dict[str, object]] = [
        {**good, "secret_field": "s3cret"},
        *({key: value for key, value in good.items() if key != gone} for gone in OF_ALL),
        {**good, "version": "2"},
        {**good, "occurred_at": "s3cret"},
        {**good, "component_appid": "gh_s3cret"},
    ]
    for detail in wrong:
        with pytest.raises(SchemaError) as raised:
            must_fit(name, detail)
        assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_to_be_there(name: str) -> None:
    """Each documented field is taken out in turn: refused, but for those that may be absent."""
    good = sample(name)["detail"]
    for gone in schema(name)["properties"].keys() - {"left_out"}:
        without = {field: value for field, value in good.items() if field != gone}
        if (name, gone) in MAY_BE_ABSENT:
            must_fit(name, without)
            continue
        assert gone in good
        with pytest.raises(SchemaError, match="required"):
            must_fit(name, without)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_to_be_of_its_kind(name: str) -> None:
    """Each documented field gets a value of every kind in turn: only its own kinds are taken."""
    good = sample(name)["detail"]
    for field in schema(name)["properties"].keys() - {"left_out"}:
        kinds = NAMED_OTHERWISE.get((name, field), FIELDS[field])
        for value, fits in VALUES:
            changed = {**good, field: value}
            if fits == {"zero"} and kinds & {"whole", "number"}:
                # Where counting begins is not a question of kind.
                continue
            if fits & kinds:
                must_fit(name, changed)
                continue
            with pytest.raises(SchemaError):
                must_fit(name, changed)


def test_what_a_message_holds_may_be_deep() -> None:
    """Texts, groups and lists of such, as XML and JSON of WeChat's are read."""
    detail = sample("message.received")["detail"]
    detail["message"] = {"ScanCodeInfo": {"ScanType": "qrcode"}, "List": [{"A": ["", "b"]}, "c"]}
    must_fit("message.received", detail)


def test_an_event_without_a_schema_is_none() -> None:
    """Who tells something new writes down what it is."""
    with pytest.raises(SchemaError, match="has no schema"):
        must_fit("authorizer.promoted", sample("authorizer.updated")["detail"])


def test_every_bus_of_the_suite_looks() -> None:
    """The fake one of unit tests and simulation, and the watcher of the local stack's."""
    event = sample("authorizer.updated")
    FakeBus().put("authorizer.updated", event["detail"])
    assert bus_event(json.dumps(event)).kind == "authorizer.updated"
    event["detail"]["nick_name"] = "new"
    with pytest.raises(SchemaError):
        FakeBus().put("authorizer.updated", event["detail"])
    with pytest.raises(SchemaError):
        bus_event(json.dumps(event))
    # What others put on the bus is not ours to judge.
    assert bus_event(json.dumps({**event, "source": "aws.events"})).source == "aws.events"
