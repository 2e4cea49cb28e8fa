"""`sam deploy` into the local AWS, and what its CloudFormation leaves out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.stack import places
from sandbox.stack.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.stack.aws import Clients

STACK_NAME = "wxvault"
_BUCKET = "wxvault-code"


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment made: outputs, and physical ids by logical id."""

    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    types: Mapping[str, str]
    """Resource types by logical id."""

    def of_type(self, kind: str) -> dict[str, str]:
        """Physical ids of all resources of one type, by logical id."""
        return {name: self.resources[name] for name, found in self.types.items() if found == kind}

    def only(self, kind: str) -> str:
        """The physical id of the one resource of a type."""
        (found,) = self.of_type(kind).values()
        return found


def sam_deploy(template: Path, parameters: Mapping[str, str], aws: Clients) -> Deployed:
    """Deploy a built template. Raises `ProgramFailedError` with what `sam` said."""
    aws.s3.create_bucket(Bucket=_BUCKET)
    command = [
        *(str(places.tool(".venv-sam", "sam")), "deploy"),
        *("--template-file", str(template), "--stack-name", STACK_NAME),
        *("--s3-bucket", _BUCKET, "--region", aws.region),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        # In quotes: the value may be empty or have commas in it.
        *("--parameter-overrides", *(f'{key}="{value}"' for key, value in parameters.items())),
    ]
    environment = places.clean_environment(
        SAM_CLI_TELEMETRY="0",
        # How often `sam` asks whether the stack is there; its default costs five seconds.
        SAM_CLI_POLL_DELAY="0.3",
        AWS_ENDPOINT_URL=aws.url,
        AWS_ACCESS_KEY_ID=aws.credentials.key,
        AWS_SECRET_ACCESS_KEY=aws.credentials.secret,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
    )
    run(command, environment=environment, folder=template.parent)
    return describe(aws)


def describe(aws: Clients) -> Deployed:
    """What the stack consists of now."""
    (stack,) = aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    listed = [item for page in pages for item in page["StackResourceSummaries"]]
    return Deployed(
        outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        resources={item["LogicalResourceId"]: item["PhysicalResourceId"] for item in listed},
        types={item["LogicalResourceId"]: item["ResourceType"] for item in listed},
    )


def translated_template(aws: Clients) -> dict[str, Any]:
    """The template after the SAM transform, as CloudFormation has it."""
    answer = aws.cloudformation.get_template(StackName=STACK_NAME, TemplateStage="Processed")
    body: Any = answer["TemplateBody"]
    parsed: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return parsed
