"""[ingest] in the template: who may do what, what is kept, and how messages are confirmed."""

from typing import Any

import pytest

from tests.infra.stacks import CASES, KEY_ARN, settings_of
from tests.infra.templates import Template, listed
from ttl_archive.transform.ingest_dead_letters import DEAD_LETTER_QUEUE_VARIABLE
from ttl_archive.transform.ingest_settings import load_ingest

INGESTING = [case for case in CASES if load_ingest(settings_of(case))]
WITHOUT = [case for case in CASES if case not in INGESTING]


@pytest.fixture(params=INGESTING)
def ingesting(templates: dict[str, Template], request: pytest.FixtureRequest) -> Template:
    """The template of each case with [ingest]."""
    return templates[request.param]


def queues(template: Template) -> tuple[dict[str, Any], dict[str, Any]]:
    """The queue of readings and the dead-letter queue."""
    return template.one("AWS::SQS::Queue", "IngestQueue"), template.one("AWS::SQS::Queue", "DeadLetters")


@pytest.mark.parametrize("case", WITHOUT)
def test_without_the_section_there_is_no_queue(templates: dict[str, Template], case: str) -> None:
    assert not templates[case].ids("AWS::SQS::Queue")
    assert not templates[case].ids("AWS::Lambda::EventSourceMapping", "Ingest")


def test_the_two_cases_with_the_section_differ_in_their_key(templates: dict[str, Template]) -> None:
    encrypted = {
        case: [(found.get("KmsMasterKeyId"), found.get("SqsManagedSseEnabled"))
               for found in queues(templates[case])]
        for case in INGESTING
    }  # fmt: skip

    assert encrypted == {
        "csv-by-event": [(None, True)] * 2,
        "every-option": [(KEY_ARN, None)] * 2,
    }


def test_the_queue_waits_long_enough_and_dead_letters_are_kept_longest(ingesting: Template) -> None:
    queue, dead_letters = queues(ingesting)
    function = ingesting.one("AWS::Lambda::Function", "IngestIngester")

    # LDG, services-sqs-configure: six times the timeout and the window; SQSD: 14 days are the most.
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"] + 5
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert (queue["MessageRetentionPeriod"], dead_letters["MessageRetentionPeriod"]) == (345_600, 1_209_600)


def test_messages_are_confirmed_one_by_one(ingesting: Template) -> None:
    mapping = ingesting.one("AWS::Lambda::EventSourceMapping", "IngestMapping")

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 5)
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}


def test_the_queues_and_their_messages_survive_the_stack(ingesting: Template) -> None:
    for name in ingesting.ids("AWS::SQS::Queue"):
        resource = ingesting.resources[name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_requests_without_tls_are_denied(ingesting: Template) -> None:
    policies = ingesting.every("AWS::SQS::QueuePolicy").values()

    statements = [statement for found in policies for statement in found["PolicyDocument"]["Statement"]]
    assert len(statements) == 2
    assert all(
        (found["Effect"], found["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        for found in statements
    )


def test_the_function_may_write_this_table_and_confirm_these_queues(ingesting: Template) -> None:
    allowed = {
        tuple(sorted(listed(statement["Action"]))): statement["Resource"]
        for statement in ingesting.statements("IngestIngesterRole")
    }
    allowed = {actions: arn for actions, arn in allowed.items() if "logs:" not in actions[0]}

    writing = allowed.pop(("dynamodb:BatchWriteItem",))
    assert ":table/" in str(writing)
    assert "*" not in str(writing)
    receiving = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    assert "IngestQueue" in str(allowed.pop(receiving)).replace("ingestqueue", "IngestQueue")
    assert "deadletters" in str(allowed.pop(("sqs:SendMessage",))).lower()
    assert set(allowed) <= {("kms:Decrypt", "kms:GenerateDataKey")}


def test_an_iot_rule_of_this_account_may_send_to_the_queue_only(ingesting: Template) -> None:
    role = ingesting.one("AWS::IAM::Role", "IngestSenderRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    sending = ingesting.statements("IngestSenderRole")[0]

    assert trust["Principal"] == {"Service": "iot.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert sending["Action"] == "sqs:SendMessage"
    assert "ingestqueue" in str(sending["Resource"]).lower()


def test_the_function_knows_the_dead_letter_queue(ingesting: Template) -> None:
    function = ingesting.one("AWS::Lambda::Function", "IngestIngester")

    assert function["Handler"] == "ttl_archive.transform.ingest_handler.handler"
    assert set(function["Environment"]["Variables"]) == {DEAD_LETTER_QUEUE_VARIABLE}
