"""Reads CloudFormation templates as people do."""

import json
from pathlib import Path
from typing import Any


def templates(assembly: Path) -> dict[str, dict[str, Any]]:
    """Every stack's template, by the last part of the stack's name."""
    files = sorted(assembly.glob("chatkit-*.template.json"))
    return {file.name.removesuffix(".template.json").rpartition("-")[2]: json.loads(file.read_text()) for file in files}


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by their logical ids."""
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def only(template: dict[str, Any], kind: str) -> dict[str, Any]:
    """The one resource of a type."""
    (resource,) = of_type(template, kind).values()
    return resource


def text(value: Any) -> str:
    """A value as one line: what CloudFormation fills in stands in angle brackets."""
    match value:
        case str():
            return value
        case {"Fn::Join": [separator, parts]}:
            return separator.join(text(part) for part in parts)
        case {"Fn::Sub": str(template)}:
            return template
        case {"Ref": name} | {"Fn::ImportValue": name}:
            return f"<{text(name)}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
    raise AssertionError(f"not a text: {value!r}")


def path_of(resource: dict[str, Any]) -> str:
    """The construct's path below its stack, without the last `Resource`."""
    return resource["Metadata"]["aws:cdk:path"].partition("/")[2].removesuffix("/Resource")


def statements(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every statement of the roles' policies, by the construct that holds the role."""
    found: dict[str, list[dict[str, Any]]] = {}
    for policy in of_type(template, "AWS::IAM::Policy").values():
        owner = path_of(policy).partition("/")[0]
        found.setdefault(owner, []).extend(policy["Properties"]["PolicyDocument"]["Statement"])
    return found


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one without the list."""
    return value if isinstance(value, list) else [value]
