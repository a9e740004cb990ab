"""Reads a template: its resources by type, and what its roles are allowed."""

import json
from dataclasses import dataclass

from aws_cdk.assertions import Template

from infra.aws.environment import Environment


@dataclass(frozen=True, slots=True)
class Stack:
    environment: Environment
    template: Template

    def found(self, kind):
        """Logical id to properties."""
        resources = self.template.find_resources(kind)
        return {name: resource["Properties"] for name, resource in resources.items()}

    def retention(self, kind):
        """What becomes of resources of a type when the stack is deleted."""
        resources = self.template.find_resources(kind).values()
        return {(r.get("DeletionPolicy"), r.get("UpdateReplacePolicy")) for r in resources}

    def named(self, kind, key, value):
        """The logical id of the one resource with a property."""
        (name,) = [n for n, p in self.found(kind).items() if spell(p.get(key)) == value]
        return name

    def roles(self):
        """Purpose to logical id."""
        start = f"{self.environment.prefix}-"
        return {
            properties["RoleName"].removeprefix(start): name
            for name, properties in self.found("AWS::IAM::Role").items()
            if "RoleName" in properties
        }

    def statements(self, purpose):
        """What a role is allowed, by the statement's name; resources spelled out."""
        role = self.roles()[purpose]
        told = {}
        for policy in self.found("AWS::IAM::Policy").values():
            if {"Ref": role} in policy["Roles"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    told[statement["Sid"]] = statement
        return told

    def actions(self, purpose):
        """Every action of a role."""
        return {a for s in self.statements(purpose).values() for a in listed(s["Action"])}

    def resources(self, purpose, sid):
        """Resources of one statement, as `<bucket>/demo/*`."""
        return {spell(r) for r in listed(self.statements(purpose)[sid]["Resource"])}

    def documents(self):
        """Every policy document of the stack, by the resource that holds it."""
        for kind, key in (
            ("AWS::IAM::Policy", "PolicyDocument"),
            ("AWS::IAM::Role", "AssumeRolePolicyDocument"),
            ("AWS::KMS::Key", "KeyPolicy"),
            ("AWS::S3::BucketPolicy", "PolicyDocument"),
            ("AWS::SNS::TopicPolicy", "PolicyDocument"),
        ):
            for name, properties in self.found(kind).items():
                yield f"{kind} {name}", properties[key]["Statement"]


def listed(value):
    return value if isinstance(value, list) else [value]


def spell(value):
    """A value with its references as `<name>`."""
    if isinstance(value, str) or value is None:
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(spell(part) for part in parts)
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    return json.dumps(value)
