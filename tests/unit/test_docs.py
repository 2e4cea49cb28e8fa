"""The documentation says what is so: its tables, commands and code are held against the project."""

from __future__ import annotations

import ast
import json
import re
import runpy
import urllib.request
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xmltodict

from tests.fakes.clock import FakeClock
from tests.template import translation
from wxvault import client, client_transports, errors
from wxvault.protocol.message_keys import MessageKeys
from wxvault.runtime.http_answers import status_of
from wxvault.services import numbers
from wxvault.services.bus_events import transitions
from wxvault.services.state import Event, Status, TokenState, unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "layers" / "wxvault" / "python" / "wxvault"
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)
EMPTY = {"", "empty", "空"}

in_both = pytest.mark.parametrize("name", READMES)


@cache
def text_of(name: str) -> str:
    """Return a document."""
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)


def tables(name: str) -> Iterator[list[list[str]]]:
    """Return every table, row by row, without its head's underline."""
    for found in re.findall(r"(?:^\|.*\|\n)+", text_of(name), re.MULTILINE):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()
        ]
        yield [rows[0], *rows[2:]]


def table(name: str, *heads: str) -> list[list[str]]:
    """Return the rows of the one table whose first head is one of these."""
    (found,) = (rows[1:] for rows in tables(name) if rows[0][0] in heads)
    return found


def code(cell: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`\n]+)`", cell)


# --- the two READMEs -----------------------------------------------------------------------------


def test_both_readmes_have_the_same_parts() -> None:
    """Nobody is told less in one language: same headings, tables, rows, blocks and links."""
    shapes = []
    for name in READMES:
        headings = re.findall(r"^(#+) ", text_of(name), re.MULTILINE)
        rows = [len(rows) for rows in tables(name)]
        named = [[code(row[0]) for row in rows[1:]] for rows in tables(name)]
        links = [link for link in links_of(name) if not link.startswith("#")]
        translated = {"README.md", "README.zh-CN.md", "docs/journeys.svg"}
        translated.add("docs/journeys.zh-CN.svg")
        shapes.append((headings, rows, named, [link for link in links if link not in translated]))
    assert shapes[0] == shapes[1]


def test_both_readmes_have_the_same_code() -> None:
    """What is to be typed or copied is the same in both, but for comments."""

    def without_comments(block: str) -> str:
        return re.sub(r"( *#(?!!).*| *\"\"\".*?\"\"\")$", "", block, flags=re.MULTILINE)

    for language in ("bash", "json", "python", "text"):
        english, chinese = (
            [without_comments(block) for block in blocks(name, language)] for name in READMES
        )
        assert [
            re.sub("<.*?>", "", block) if language == "text" else block for block in english
        ] == [re.sub("<.*?>", "", block) if language == "text" else block for block in chinese]


@in_both
def test_readmes_lead_to_each_other(name: str) -> None:
    """The other language is a click away, at the top."""
    (other,) = set(READMES) - {name}
    assert f"]({other})" in "\n".join(text_of(name).splitlines()[:5])


@in_both
def test_parameters(name: str) -> None:
    """Every parameter is explained with its default, and none that is not there."""
    declared = translation.source()["Parameters"]
    told = {code(row[0])[0]: row[1] for row in table(name, "parameter", "参数")}
    assert sorted(told) == sorted(declared)
    for parameter, cell in told.items():
        default = str(declared[parameter].get("Default", ""))
        assert (code(cell) == [default]) if default else (cell in EMPTY), parameter


@in_both
def test_outputs(name: str) -> None:
    """Every output is explained, and none that is not there."""
    told = [output for row in table(name, "output", "输出") for output in code(row[0])]
    assert sorted(told) == sorted(translation.source()["Outputs"])


@in_both
def test_console_fields_and_outputs_fit(name: str) -> None:
    """What is to be pasted into a field of WeChat's console is the output made for it."""
    outputs = translation.source()["Outputs"]
    pasted = {row[1]: code(row[2])[0] for row in table(name, "step", "步骤")}
    for field, output in pasted.items():
        if output in outputs:
            assert field.replace("地址列表", "") in outputs[output]["Description"], field
    assert set(pasted.values()) >= {"EgressIp", "StartPageDomain", "EventsUrl", "MessagesUrl"}


@in_both
def test_errors(name: str) -> None:
    """Every error code is explained, with the status it has over HTTP."""
    kinds = {
        kind.code: kind
        for module in (errors, client_transports)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, errors.WxvaultError)
    }
    # Parents that are never raised as such.
    del kinds["message"], kinds["wechat"]
    told = {code(row[0])[0]: row[1] for row in table(name, "code")}
    assert sorted(told) == sorted(kinds)
    for code_, status in told.items():
        kind = kinds[code_]
        answered = kind.__module__ == errors.__name__
        assert status == (str(status_of(kind.__new__(kind))) if answered else ""), code_


@in_both
def test_costs_count_what_the_template_makes(name: str) -> None:
    """How many keys, alarms, gateways and addresses there are is counted, not remembered."""
    types = [one["Type"] for one in translation.source()["Resources"].values()]
    counted = {
        "NAT": types.count("AWS::EC2::NatGateway"),
        "IPv4": types.count("AWS::EC2::EIP"),
        "KMS": types.count("AWS::KMS::Key"),
        "alarms": types.count("AWS::CloudWatch::Alarm"),
        "告警": types.count("AWS::CloudWatch::Alarm"),
    }
    for row in table(name, "item", "项目"):
        for word, count in counted.items():
            if word in row[0] and row[1].isdigit():
                assert row[1] == str(count), row[0]


@in_both
def test_paths_of_wechat(name: str) -> None:
    """A path of WeChat that is promised is one that the code has."""
    paths_of = (*(LIBRARY / "wechat").glob("*.py"), *(LIBRARY / "protocol").glob("*s.py"))
    paths_of = (*paths_of, LIBRARY / "client_calls.py")
    known = "".join(path.read_text("utf-8") for path in paths_of)
    cells = [cell for rows in tables(name) for row in rows for cell in row]
    paths = {path for cell in cells for path in code(cell) if path.startswith(("/cgi-bin", "/wxa"))}
    assert len(paths) >= 6
    assert [path for path in paths if f'"{path}"' not in known] == []


@in_both
def test_summary_of_the_demo(name: str) -> None:
    """The excerpt has one line for each thing that the demo shows, in its own words."""
    tree = ast.parse((ROOT / "sandbox/stack/journey/chapters.py").read_text("utf-8"))
    shown = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "facts.show"
    ]
    lines = re.findall(r"^  ✓ (.*)$", blocks(name, "text")[0], re.MULTILINE)
    patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(static(claim))) for claim in shown]
    assert len(lines) == len(patterns)
    for pattern in patterns:
        assert [line for line in lines if re.match(f"{pattern}: ", line)], pattern


def static(node: ast.expr) -> str:
    """Return a string with a brace pair for each value in it."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{x}" for part in parts)


# --- code in the READMEs -------------------------------------------------------------------------


class FakeTransport:
    """Stands for the token function: a new token whenever it is asked."""

    asked: list[Mapping[str, Any]]

    def __init__(self, function: str) -> None:
        type(self).asked = []
        assert function == "token-function"

    def ask(self, question: Mapping[str, Any]) -> object:
        """Answer as the token function does."""
        self.asked.append(question)
        if question["authorizer_appid"].endswith("0"):
            return {"error": {"code": "authorizer_revoked", "message": "", "remedy": ""}}
        number = len(self.asked)
        return {
            "authorizer_appid": question["authorizer_appid"],
            "access_token": f"49_{number}",
            "expires_at": 4_000_000_000,
            "generation": number,
            "renewed": number > 1,
        }


@in_both
def test_the_example_runs(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example sends with a token, and once more with a newer one when WeChat refuses it."""
    urls: list[str] = []

    def urlopen(request: urllib.request.Request, timeout: float) -> BytesIO:
        assert timeout > 0
        urls.append(request.full_url)
        refused = "access_token=49_1" in request.full_url
        return BytesIO(json.dumps({"errcode": 40001 if refused else 0}).encode())

    monkeypatch.setattr(client, "InvokeTransport", FakeTransport)
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setenv("WXVAULT_TOKEN_FUNCTION", "token-function")
    block, *_ = blocks(name, "python")
    (tmp_path / "handler.py").write_text(block, "utf-8")
    handler = runpy.run_path(str(tmp_path / "handler.py"))["handler"]
    event = {"authorizer_appid": "wxf8b4f85f3a794e77", "message": {"text": "你好"}}
    assert handler(event, None) == {"sent": True, "answer": {"errcode": 0}}
    assert [url.rpartition("=")[2] for url in urls] == ["49_1", "49_2"]
    assert FakeTransport.asked[1]["rejected_token_sha256"]
    assert handler(event | {"authorizer_appid": "wx" + "0" * 16}, None)["sent"] is False


@in_both
def test_the_push_secret_is_one(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the first step makes is a push secret that the functions accept."""
    (command,) = [block for block in blocks(name, "bash") if "<<'END'" in block]
    program = command.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    (tmp_path / "make.py").write_text(program, "utf-8")
    runpy.run_path(str(tmp_path / "make.py"))
    keys = MessageKeys.from_secret("wx0123456789abcdef", json.loads(capsys.readouterr().out))
    assert (len(keys.tokens), len(keys.encoding_aes_keys)) == (1, 1)


@in_both
def test_commands_exist(name: str) -> None:
    """Every make target and every parameter of a command is one that there is."""
    targets = set(re.findall(r"^([a-z-]+):", text_of_file("Makefile"), re.MULTILINE))
    typed = "\n".join([*blocks(name, "bash"), *code(text_of(name))])
    assert set(re.findall(r"\bmake ([a-z-]+)", typed)) <= targets
    given = {
        one
        for block in blocks(name, "bash")
        for one in re.findall(r"^  ([A-Z]\w+)=", block, re.MULTILINE)
    }
    assert {"ComponentAppid", "PublicBaseUrl"} < given <= set(translation.source()["Parameters"])


def text_of_file(place: str) -> str:
    """Return a file of the project."""
    return (ROOT / place).read_text("utf-8")


@in_both
def test_environment_variables(name: str) -> None:
    """The client reads every variable that it is said to read."""
    source = "".join(
        text_of_file(f"layers/wxvault/python/wxvault/{module}.py")
        for module in ("client", "client_calls")
    )
    told = [rows[1:] for rows in tables(name) if rows[0][0] in {"environment variable", "环境变量"}]
    assert len(told) == 2
    for row in (*told[0], *told[1]):
        assert f'"{code(row[0])[0]}"' in source


@in_both
def test_policy_example(name: str) -> None:
    """The example of a policy allows what the stack's own two examples allow, and no more."""
    (block,) = [block for block in blocks(name, "json") if "Statement" in block]
    block = block.replace("wxf8b4f85f3a794e77", "wx" + 16 * "0").replace("demo-shop", "your-tenant")
    made = translation.source()["Resources"]
    examples = json.dumps([made[f"Single{one}CallerPolicy"] for one in ("Appid", "Tenant")])
    told, own = (set(re.findall(r'\$default/([^"]+)', text)) for text in (block, examples))
    assert told == own
    assert len(told) == 9


# --- events --------------------------------------------------------------------------------------


def told_events() -> dict[str, set[str]]:
    """Return every event of docs/events.md, with the fields of its own."""
    return {
        code(row[0])[0]: set(code(row[2].partition("(")[0]))
        for rows in tables("docs/events.md")
        if rows[0][0] == "event"
        for row in rows[1:]
    }


def test_events_are_those_of_the_code() -> None:
    """Every event that is sent is described with its fields, and none that is not sent."""
    sent: dict[str, set[str]] = {}
    announced: dict[str, set[str]] = {}
    for path in (LIBRARY / "services").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = ast.unparse(node.func)
                if called == "Event" and isinstance(node.args[0], ast.Constant):
                    fields = keys_of(node.args[1]) if len(node.args) > 1 else set()
                    sent.setdefault(str(node.args[0].value), set()).update(fields)
                elif called.endswith("events.announce") and isinstance(node.args[0], ast.Constant):
                    announced[str(node.args[0].value)] = keys_of(node.args[2])
                elif called == "self._once":
                    kinds = re.findall(r"'(\w+\.\w+)'", ast.unparse(node.args[1]))
                    fields = keys_of(node.args[2]) | {"create_time"}
                    announced |= dict.fromkeys(kinds, fields)
    told = told_events()
    expected = {f"authorizer.{kind}": set(fields) for kind, fields in sent.items()} | announced
    # Only the component can lack a ticket.
    expected["authorizer.failing"].remove("reason")
    for kind in ("ticket_stale", "ticket_recovered"):
        del expected[f"authorizer.{kind}"]
    assert {name: told[name] for name in told if not name.startswith("component.")} == expected
    for name in told:
        if name.startswith("component."):
            assert told[name] == sent[name.removeprefix("component.")]


def keys_of(node: ast.expr) -> set[str]:
    """Return the keys of a dictionary that is written down."""
    assert isinstance(node, ast.Dict)
    return {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}


class KeptEvents:
    """A bus that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, Any]]] = []

    def put(self, detail_type: str, detail: Mapping[str, object], /) -> bool:
        """Take an event."""
        self.sent.append((detail_type, detail))
        return True


def test_the_example_of_an_event() -> None:
    """The example has the fields of a real one, and they are the fields that are described."""
    bus = KeptEvents()
    state = TokenState("wxf8b4f85f3a794e77", Status.ACTIVE)
    change = replace(unchanged(state), events=(Event("authorized"),))
    for event in transitions(state, change, "wx0123456789abcdef", now=FakeClock().now()):
        bus.put(event.detail_type, event.detail)
    example = json.loads(blocks("docs/events.md", "json")[0])
    ((kind, detail),) = bus.sent
    assert kind == example["detail-type"]
    assert set(example["detail"]) == set(detail)
    told = {code(row[0])[0] for row in table("docs/events.md", "field")}
    assert told == set(detail) - {"authorizer_appid", "tenant_id", "sequence", "status"}
    patterns = [json.loads(block) for block in blocks("docs/events.md", "json")[1:]]
    named = [one for pattern in patterns for one in pattern["detail-type"] if isinstance(one, str)]
    assert set(named) <= set(told_events())


# --- architecture, decisions, all ----------------------------------------------------------------


def test_numbers_of_the_architecture() -> None:
    """The numbers told are the numbers in force."""
    for row in table("docs/architecture.md", "constant"):
        assert getattr(numbers, code(row[0])[0]) == float(row[1]), row[0]


def test_functions_of_the_architecture() -> None:
    """Triggers, time-outs and the way to WeChat are those of the template."""
    made = {
        one["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].removesuffix("Logs"): one
        for one in translation.source()["Resources"].values()
        if one["Type"] == "AWS::Serverless::Function"
    }
    rows = table("docs/architecture.md", "function")
    told = {row[0].title().replace("-", ""): row for row in rows}
    assert set(told) == set(made)
    for name, row in told.items():
        properties = made[name]["Properties"]
        routes = [
            f"{event['Properties']['Method']} {event['Properties']['Path']}"
            for event in properties["Events"].values()
            if event["Type"] == "HttpApi"
        ]
        assert sorted(routes) == sorted(code(row[1])), name
        assert row[2] == f"{properties['Timeout']} s", name
        assert (row[3] == "yes") == ("VpcConfig" in properties), name


def test_decisions() -> None:
    """Each record is dated, has its three parts, and stands in the list."""
    folder = ROOT / "docs" / "decisions"
    listed = [link for link in links_of("docs/decisions/README.md") if link.startswith("20")]
    records = sorted(path.name for path in folder.glob("20*.md"))
    assert sorted(listed) == records
    for record in records:
        text = text_of(f"docs/decisions/{record}")
        assert text.splitlines()[2] == record[:10]
        assert re.findall("^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
        ]


def links_of(name: str) -> list[str]:
    """Return the targets of every link and picture."""
    return re.findall(r"\]\(([^)\s]+)\)", text_of(name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """No link within the repository is dead, nor leads to a heading that is not there."""
    for link in links_of(name):
        if not link.startswith("https://"):
            place, _, anchor = link.partition("#")
            target = (ROOT / name).parent / place if place else ROOT / name
            assert target.exists(), link
            if anchor:
                headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
                assert anchor in {slug(heading) for heading in headings}, link


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_is_left_to_be_filled_in(name: str) -> None:
    """No figure that was to be put in later is missing."""
    assert "@@" not in text_of(name)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_json(name: str) -> None:
    """Every block of JSON can be read."""
    for block in blocks(name, "json"):
        json.loads(block)


def test_pictures_are_well_formed() -> None:
    """A browser can show every picture, in the light and in the dark."""
    for path in (ROOT / "docs").glob("*.svg"):
        picture = xmltodict.parse(path.read_bytes(), disable_entities=True)["svg"]
        assert picture["title"]["#text"]
        assert "prefers-color-scheme: dark" in picture["style"]
