"""`template.yaml` as CloudFormation gets it, after the SAM transform.

``python -m tests.template.translation`` prints it, for cfn-lint.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"

# Where `sam package` would have put the code; the transform wants an address in S3.
_PACKAGED = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def source() -> dict[str, Any]:
    """Return the template as written, short forms such as ``!Ref`` in their long forms."""
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    return parsed


def translate() -> dict[str, Any]:
    """Return the template after the transform; no credentials and no network are needed."""
    template = source()
    for resource in template["Resources"].values():
        if (code := _PACKAGED.get(resource["Type"])) is not None:
            resource["Properties"][code] = f"s3://packaged/{resource['Properties'][code]}"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    translated: dict[str, Any] = translator.translate(template, parameter_values={})
    return translated


if __name__ == "__main__":
    json.dump(translate(), sys.stdout, indent=1)
