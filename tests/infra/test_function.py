"""The functions in the template."""

from tests.infra.templates import Template

FUNCTION = "AWS::Lambda::Function"


def test_the_transform_runs_on_arm_with_the_time_that_firehose_allows(defaults: Template) -> None:
    function = defaults.one(FUNCTION, "Transform")

    assert (function["Architectures"], function["Runtime"]) == (["arm64"], "python3.13")
    assert (function["MemorySize"], function["Timeout"]) == (512, 300)
    assert function["Handler"] == "ttl_archive.transform.handler.handler"


def test_architecture_and_memory_by_choice(templates: dict[str, Template]) -> None:
    assert templates["parquet-with-backup"].one(FUNCTION, "Transform")["Architectures"] == ["x86_64"]
    assert templates["envelope-in-shared-bucket"].one(FUNCTION, "Transform")["MemorySize"] == 256


def test_every_function_writes_json_to_its_own_log_group_with_a_retention(template: Template) -> None:
    groups = template.every("AWS::Logs::LogGroup")
    used = [function["LoggingConfig"] for function in template.every(FUNCTION).values()]

    assert len({logging["LogGroup"] for logging in used}) == len(used)
    assert {logging["LogFormat"] for logging in used} == {"JSON"}
    assert {group["RetentionInDays"] for group in groups.values()} <= {90, 30}


def test_log_retention_by_choice(templates: dict[str, Template]) -> None:
    groups = templates["envelope-in-shared-bucket"].every("AWS::Logs::LogGroup")

    assert {group["RetentionInDays"] for group in groups.values()} == {30}


def test_firehose_calls_an_alias(template: Template) -> None:
    assert template.one("AWS::Lambda::Alias")["Name"] == "live"


def test_the_fast_handler_by_choice(templates: dict[str, Template]) -> None:
    function = templates["every-option"].one(FUNCTION, "Transform")

    assert function["Handler"] == "ttl_archive.transform.fast_handler.handler"


def test_every_version_is_kept_unless_its_own_update_fails(template: Template) -> None:
    (name,) = template.ids("AWS::Lambda::Version")

    assert template.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert template.resources[name]["UpdateReplacePolicy"] == "Retain"


def test_the_stack_has_exactly_these_functions(defaults: Template) -> None:
    handlers = {function["Handler"] for function in defaults.every(FUNCTION).values()}

    assert handlers == {
        "ttl_archive.transform.handler.handler",
        "ttl_archive.replay.map_handler.handler",
        "ttl_archive.infra.attachment.attach_handler.handler",
        "ttl_archive.infra.attachment.guard_handler.handler",
    }
