"""The stacks as a whole: clean for cfn-lint and cdk-nag, every accepted finding with its reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.stacks import CASES, TOPIC_ARN, deploy_of
from tests.infra.templates import Template

# cfn-lint takes a second for each template. `test_synth` lints the minimal one.
_LINTED = ["every-option", "both-roads", "parquet-with-backup"]


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(_LINTED, id="those with most resources"),
        pytest.param([case for case in CASES if case not in _LINTED], id="others", marks=pytest.mark.slow),
    ],
)
def test_cfn_lint_finds_nothing(synthesised: Path, cases: list[str]) -> None:
    files = [str(synthesised / f"{case}.json") for case in cases]
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), "--regions", "us-east-1", "eu-west-1", "--", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout + done.stderr == ""


def test_cdk_nag_finds_nothing_that_is_not_accepted(synthesised: Path) -> None:
    report = json.loads((synthesised / "cdk.out" / "validation-report.json").read_text())

    assert report["pluginReports"] == []


def test_cdk_nag_is_applied(synthesised: Path) -> None:
    """A bucket without any property, in the same app, is found."""
    assert "AwsSolutions-S1" in (synthesised / "bare" / "validation-report.json").read_text()


def test_every_accepted_finding_has_a_reason(synthesised: Path) -> None:
    accepted = {
        finding: reason
        for file in (synthesised / "cdk.out").glob("*.metadata.json")
        for entries in json.loads(file.read_text()).values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for finding, reason in entry["data"].items()
    }

    assert accepted
    assert all(len(reason) > 40 for reason in accepted.values())


def test_each_stack_has_termination_protection(synthesised: Path) -> None:
    manifest = json.loads((synthesised / "cdk.out" / "manifest.json").read_text())
    for case in CASES:
        stack = manifest["artifacts"][deploy_of(case).stack_name]
        assert stack["properties"]["terminationProtection"] is True


def test_no_account_or_region_is_written_into_a_template(synthesised: Path) -> None:
    """Values of archive.toml are the exception."""
    for case in CASES:
        deploy = deploy_of(case)
        text = (synthesised / f"{case}.json").read_text()
        for arn in (
            *deploy.readable_key_arns,
            deploy.operations_key_arn,
            deploy.replica_key_arn,
            deploy.permissions_boundary,
            TOPIC_ARN,
        ):
            text = text.replace(str(arn), "")
        assert "123456789012" not in text
        assert "us-east-1" not in text


def test_the_outputs_name_what_a_user_needs_next(kinesis_template: Template) -> None:
    assert set(kinesis_template.document["Outputs"]) >= {
        "BucketName",
        "StreamName",
        "DeliveryStreamName",
        "Database",
        "WorkgroupName",
        "ReplayStateMachine",
        "AlarmTopic",
    }


def test_a_template_is_small_enough_to_be_deployed(synthesised: Path) -> None:
    """1 MB from a bucket. Source: AWS CloudFormation User Guide, quotas."""
    for case in CASES:
        assert (synthesised / f"{case}.json").stat().st_size < 1_000_000
