"""What others' tools say of the templates, and of what was acknowledged."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from infra.aws.environment import DEV
from infra.aws.foundation.role import allow, build_role

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
MIN_WORDS = 5


@pytest.fixture(scope="module")
def templates(output, stacks):
    found = sorted(output.glob("*.template.json"))
    assert len(found) == len(stacks)
    return found


def test_both_templates_are_written_with_no_credentials_and_no_way_to_aws(tmp_path):
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    subprocess.run(
        [sys.executable, "-m", "infra.aws.app", tmp_path],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **nowhere},
        check=True,
    )
    names = [path.name for path in sorted(tmp_path.glob("*.template.json"))]
    assert names == ["overnight-dev.template.json", "overnight-prod.template.json"]


def test_templates_know_no_account_and_no_region(templates):
    for path in templates:
        text = path.read_text()
        assert not re.search(r"\b\d{12}\b", text)
        assert not re.search(r"\b(us|eu|ap)-[a-z]+-\d\b", text)


def test_only_dev_can_be_deleted_by_one_command(templates):
    manifest = json.loads(templates[0].with_name("manifest.json").read_text())
    protected = {
        name: artifact["properties"].get("terminationProtection", False)
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert protected == {"overnight-dev": False, "overnight-prod": True}


def test_cfn_lint_says_nothing(templates):
    done = subprocess.run(
        [BIN / "cfn-lint", *templates], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_checkov_finds_what_was_acknowledged_and_no_more(templates, output):
    asked = ["--framework", "cloudformation", "--output", "json", "--skip-download"]
    files = [part for path in templates for part in ("--file", str(path))]
    command = [BIN / "checkov", *files, *asked]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=output)
    told = json.loads(done.stdout)
    assert told["results"]["failed_checks"] == []
    assert told["summary"]["parsing_errors"] == 0
    assert told["summary"]["passed"] > 300
    skipped = told["results"]["skipped_checks"]
    assert {check["check_id"] for check in skipped} == {"CKV_AWS_18"}
    assert {check["resource"].partition(".")[2][:13] for check in skipped} == {"StorageAccess"}
    for check in skipped:
        assert len(check["check_result"]["suppress_comment"].split()) > MIN_WORDS


def test_cdk_nag_finds_nothing_that_nobody_acknowledged(templates, output):
    assert templates
    report = json.loads((output / "validation-report.json").read_text())
    open_findings = [
        (violation["ruleName"], construct)
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
    assert open_findings == []


def test_cdk_nag_does_judge(tmp_path):
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    s3.Bucket(Stack(app, "careless"), "Bucket")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match=r"access logs disabled"):
        app.synth()


def test_every_acknowledgement_says_why(templates):
    reasons = []
    for template in templates:
        path = template.with_name(template.name.replace(".template.", ".metadata."))
        for entries in json.loads(path.read_text()).values():
            for entry in entries:
                if entry["type"] == "aws:cdk:acknowledged-rules":
                    reasons += list(entry["data"].values())
    assert len(reasons) > 20
    assert all(len(str(reason).split()) > MIN_WORDS for reason in reasons)


def test_an_asterisk_without_a_reason_is_refused():
    role = build_role(Stack(App(), "s"), "any", DEV, services=["sagemaker.amazonaws.com"])
    with pytest.raises(ValueError, match=r"Read allows .*say because of what"):
        allow(role, "Read", ["s3:GetObject"], ["arn:aws:s3:::somebody/*"])
