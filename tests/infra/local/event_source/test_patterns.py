"""Filter patterns against what AWS answered to the same patterns.

MATCHES and REFUSED are the cases of LS-pat, recorded with TestEventPattern on 2025-10-15 and reduced to the
field that each is about, here `f`. RECORDED_BY_MAPPING are those of LS-esm, recorded with mappings.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from ttl_archive.infra.local.event_source.pattern_operators import InvalidPattern
from ttl_archive.infra.local.event_source.patterns import Pattern

# Name of the recorded case, the list for field f, the event, and whether it matched.
MATCHES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("arrays", '["i-b188560f", "i-0"]', {"f": ["ASGTerminate", "i-b188560f"]}, True),
    ("arrays, not", '["i-b188560f", "i-0"]', {"f": ["ASGTerminate"]}, False),
    ("arrays_empty_null, not", "[null]", {"f": []}, False),
    ("boolean", "[false]", {"f": False}, True),
    ("boolean, not", "[false]", {"f": True}, False),
    (
        "anything_but_ignorecase",
        '[{"anything-but": {"equals-ignore-case": "initializing"}}]',
        {"f": "pending"},
        True,
    ),
    (
        "anything_but_ignorecase, not",
        '[{"anything-but": {"equals-ignore-case": "initializing"}}]',
        {"f": "INITIALIZING"},
        False,
    ),
    (
        "anything_but_ignorecase_list",
        '[{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]',
        {"f": "pending"},
        True,
    ),
    (
        "anything_but_ignorecase_list, not",
        '[{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]',
        {"f": "Stopped"},
        False,
    ),
    (
        "anything_but_ignorecase_list_missing, not",
        '[{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]',
        {},
        False,
    ),
    (
        "anything_but_ignorecase_list_null",
        '[{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]',
        {"f": None},
        True,
    ),
    (
        "anything_but_ignorecase_missing, not",
        '[{"anything-but": {"equals-ignore-case": "initializing"}}]',
        {},
        False,
    ),
    (
        "anything_but_ignorecase_null",
        '[{"anything-but": {"equals-ignore-case": "initializing"}}]',
        {"f": None},
        True,
    ),
    ("anything_but_number", '[{"anything-but": 123}]', {"f": 789}, True),
    ("anything_but_number, not", '[{"anything-but": 123}]', {"f": 123}, False),
    ("anything_but_number_list", '[{"anything-but": [100, 200, 300]}]', {"f": 999}, True),
    ("anything_but_number_list, not", '[{"anything-but": [100, 200, 300]}]', {"f": 100}, False),
    ("anything_but_number_zero", '[{"anything-but": 0}]', {"f": 789}, True),
    ("anything_but_string", '[{"anything-but": "initializing"}]', {"f": "pending"}, True),
    ("anything_but_string, not", '[{"anything-but": "initializing"}]', {"f": "initializing"}, False),
    ("anything_but_string_list", '[{"anything-but": ["stopped", "overloaded"]}]', {"f": "pending"}, True),
    (
        "anything_but_string_list, not",
        '[{"anything-but": ["stopped", "overloaded"]}]',
        {"f": "stopped"},
        False,
    ),
    ("anything_but_string_list_missing, not", '[{"anything-but": ["stopped", "overloaded"]}]', {}, False),
    ("anything_but_string_list_null", '[{"anything-but": ["stopped", "running"]}]', {"f": None}, True),
    ("anything_but_string_missing, not", '[{"anything-but": "initializing"}]', {}, False),
    ("anything_but_string_null", '[{"anything-but": "initializing"}]', {"f": None}, True),
    ("anything_prefix", '[{"anything-but": {"prefix": "init"}}]', {"f": "post-init"}, True),
    ("anything_prefix, not", '[{"anything-but": {"prefix": "init"}}]', {"f": "init-prefix"}, False),
    ("anything_prefix_int_value", '[{"anything-but": {"prefix": "init"}}]', {"f": 12}, True),
    ("anything_prefix_list", '[{"anything-but": {"prefix": ["init", "test"]}}]', {"f": "post-init"}, True),
    (
        "anything_prefix_list, not",
        '[{"anything-but": {"prefix": ["init", "post"]}}]',
        {"f": "post-init"},
        False,
    ),
    ("anything_prefix_list_int", '[{"anything-but": {"prefix": ["init", "test"]}}]', {"f": 12}, True),
    ("anything_prefix_list_missing, not", '[{"anything-but": {"prefix": ["init", "post"]}}]', {}, False),
    ("anything_prefix_list_null", '[{"anything-but": {"prefix": ["init", "test"]}}]', {"f": None}, True),
    ("anything_prefix_missing, not", '[{"anything-but": {"prefix": "init"}}]', {}, False),
    ("anything_prefix_null", '[{"anything-but": {"prefix": "init"}}]', {"f": None}, True),
    ("anything_suffix", '[{"anything-but": {"suffix": ".txt"}}]', {"f": "file.txt.bak"}, True),
    ("anything_suffix, not", '[{"anything-but": {"suffix": ".txt"}}]', {"f": "file.txt"}, False),
    ("anything_suffix_list", '[{"anything-but": {"suffix": [".txt", ".jpg"]}}]', {"f": "file.txt.bak"}, True),
    (
        "anything_suffix_list, not",
        '[{"anything-but": {"suffix": [".txt", ".jpg"]}}]',
        {"f": "file.jpg"},
        False,
    ),
    ("anything_suffix_list_missing, not", '[{"anything-but": {"suffix": [".txt", ".jpg"]}}]', {}, False),
    ("anything_suffix_list_null", '[{"anything-but": {"suffix": [".txt", ".jpg"]}}]', {"f": None}, True),
    ("anything_suffix_missing, not", '[{"anything-but": {"suffix": ".txt"}}]', {}, False),
    ("anything_suffix_null", '[{"anything-but": {"suffix": ".txt"}}]', {"f": None}, True),
    ("anything_wildcard", '[{"anything-but": {"wildcard": "*/dir/*"}}]', {"f": "dir/init/file"}, True),
    ("anything_wildcard, not", '[{"anything-but": {"wildcard": "*/init/*"}}]', {"f": "dir/init/file"}, False),
    ("anything_wildcard_empty", '[{"anything-but": {"wildcard": ""}}]', {"f": "dir/init/file"}, True),
    ("anything_wildcard_int", '[{"anything-but": {"wildcard": "*/dir/*"}}]', {"f": 123}, True),
    (
        "anything_wildcard_list",
        '[{"anything-but": {"wildcard": ["*/init/*", "*/dir/*"]}}]',
        {"f": "dir/post/dir"},
        True,
    ),
    (
        "anything_wildcard_list, not",
        '[{"anything-but": {"wildcard": ["*/init/*", "*/dir/*"]}}]',
        {"f": "dir/init/dir"},
        False,
    ),
    (
        "anything_wildcard_list_missing, not",
        '[{"anything-but": {"wildcard": ["*/init/*", "*/dir/*"]}}]',
        {},
        False,
    ),
    (
        "anything_wildcard_list_null",
        '[{"anything-but": {"wildcard": ["*/init/*", "*/dir/*"]}}]',
        {"f": None},
        True,
    ),
    ("anything_wildcard_missing, not", '[{"anything-but": {"wildcard": "*/init/*"}}]', {}, False),
    ("anything_wildcard_null", '[{"anything-but": {"wildcard": "*/dir/*"}}]', {"f": None}, True),
    (
        "ignorecase",
        '[{"equals-ignore-case": "ec2 instance state-change notification"}]',
        {"f": ["EC2 Instance State-change Notification"]},
        True,
    ),
    (
        "ignorecase, not",
        '[{"equals-ignore-case": "I do not match"}]',
        {"f": ["EC2 Instance State-change Notification"]},
        False,
    ),
    ("ignorecase_empty", '[{"equals-ignore-case": ""}]', {"f": ""}, True),
    ("ignorecase_empty, not", '[{"equals-ignore-case": ""}]', {"f": "test-value"}, False),
    ("ip_address", '[{"cidr": "10.0.0.0/24"}]', {"f": "10.0.0.255"}, True),
    ("ip_address, not", '[{"cidr": "10.0.0.0/24"}]', {"f": "10.0.0.256"}, False),
    ("ip_address_bad_type, not", '[{"cidr": "10.0.0.0/24"}]', {"f": 123}, False),
    (
        "ip_address_v6",
        '[{"cidr": "2001:db8:1234:1a00::/64"}]',
        {"f": "2001:0db8:1234:1a00:0000:0000:0000:0000"},
        True,
    ),
    (
        "ip_address_v6, not",
        '[{"cidr": "2001:db8:1234:1a00::/64"}]',
        {"f": "2001:0db8:123f:1a01:0000:0000:0000:0000"},
        False,
    ),
    ("prefix", '[{"prefix": "2022-07-13"}]', {"f": "2022-07-13T13:48:01Z"}, True),
    ("prefix, not", '[{"prefix": "2022-07-99"}]', {"f": "2022-07-13T13:48:01Z"}, False),
    ("prefix_empty", '[{"prefix": ""}]', {"f": "test-source"}, True),
    ("prefix_ignorecase", '[{"prefix": {"equals-ignore-case": "EventB"}}]', {"f": "EvEnTb"}, True),
    ("suffix", '[{"suffix": ".png"}]', {"f": "image.png"}, True),
    ("suffix, not", '[{"suffix": ".PNG"}]', {"f": "image.png"}, False),
    ("suffix_empty", '[{"suffix": ""}]', {"f": "test-source"}, True),
    ("suffix_ignorecase", '[{"suffix": {"equals-ignore-case": ".png"}}]', {"f": "image.PNG"}, True),
    ("suffix_ignorecase, not", '[{"suffix": {"equals-ignore-case": ".png"}}]', {"f": "image.jpg"}, False),
    (
        "wildcard_empty, not",
        '[{"wildcard": ""}]',
        {"f": "arn:aws:events:us-east-1:123456789012:event-bus/myEventBus"},
        False,
    ),
    (
        "wildcard_nonrepeating",
        '[{"wildcard": "/Users/*/doc.txt"}]',
        {"f": "/Users/ls_user/dir/dir/dir/dir/dir/doc.txt"},
        True,
    ),
    (
        "wildcard_nonrepeating, not",
        '[{"wildcard": "/Users/*/doc.txt"}]',
        {"f": "/Users/ls_user/dir/dir/dir/dir/dir/notmatchingdoc.txt"},
        False,
    ),
    (
        "wildcard_repeating",
        '[{"wildcard": "/Users/*/dir/dir/dir/dir/dir/doc.txt"}]',
        {"f": "/Users/ls_user/dir/dir/dir/dir/dir/doc.txt"},
        True,
    ),
    (
        "wildcard_repeating, not",
        '[{"wildcard": "/Users/*/dir/dir/dir/dir/dir/doc.txt"}]',
        {"f": "/Users/ls_user/dir/dir/dir/dir/otherdir/doc.txt"},
        False,
    ),
    (
        "wildcard_simplified",
        '[{"wildcard": "arn:aws:events:us-east-1:*:event-bus/*"}]',
        {"f": "arn:aws:events:us-east-1:123456789012:event-bus/myEventBus"},
        True,
    ),
    ("minimal", '["1"]', {"f": "1"}, True),
    ("null_value", "[null]", {"f": None}, True),
    ("null_value, not", "[null]", {"f": "null"}, False),
    ("number_comparison_float", "[300]", {"f": 300.0}, True),
    ("numeric-int-float", '[{"numeric": [">", 100]}]', {"f": 101.0}, True),
    ("numeric-null, not", '[{"numeric": [">", 100]}]', {"f": None}, False),
    ("numeric-string, not", '[{"numeric": [">", 100]}]', {"f": "300"}, False),
    (
        "operator_multiple_list",
        '[{"exists": true}, {"prefix": "IGNORED"}, {"suffix": "IGNORED"}]',
        {"f": "my-value"},
        True,
    ),
    (
        "string",
        '["A CamelCase string with an emoji 🚀 and trailing whitespace "]',
        {"f": "A CamelCase string with an emoji 🚀 and trailing whitespace "},
        True,
    ),
    ("string_empty", '[""]', {"f": ""}, True),
]
# Name of the recorded case, the value of field f, and the reason that AWS gave.
REFUSED: list[tuple[str, str, str]] = [
    ("arrays_empty", "[]", "Empty arrays are not allowed"),
    (
        "anything_but_ignorecase",
        '[{"anything-but": {"equals-ignore-case": 123}}]',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    (
        "anything_but_ignorecase_list",
        '[{"anything-but": {"equals-ignore-case": [123, 456]}}]',
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    (
        "anything_but_string_list_null_type",
        '[{"anything-but": ["stopped", null]}]',
        "Inside anything but list, start|null|boolean is not supported.",
    ),
    (
        "anything_but_string_null_type",
        '[{"anything-but": null}]',
        "Value of anything-but must be an array or single string/number value.",
    ),
    ("anything_prefix_empty", '[{"anything-but": {"prefix": ""}}]', "Null prefix/suffix not allowed"),
    (
        "anything_prefix_ignorecase",
        '[{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]',
        "Value of anything-but must be an array or single string/number value.",
    ),
    (
        "anything_prefix_int",
        '[{"anything-but": {"prefix": 123}}]',
        "prefix/suffix match pattern must be a string",
    ),
    (
        "anything_prefix_list_type",
        '[{"anything-but": {"prefix": [123, "test"]}}]',
        "prefix/suffix match pattern must be a string",
    ),
    ("anything_suffix_empty", '[{"anything-but": {"suffix": ""}}]', "Null prefix/suffix not allowed"),
    (
        "anything_suffix_ignorecase",
        '[{"anything-but": {"suffix": {"equals-ignore-case": ".png"}}}]',
        "Value of anything-but must be an array or single string/number value.",
    ),
    (
        "anything_suffix_int",
        '[{"anything-but": {"suffix": 123}}]',
        "prefix/suffix match pattern must be a string",
    ),
    (
        "anything_suffix_list_null_type",
        '[{"anything-but": {"suffix": [null, ".txt"]}}]',
        "prefix/suffix match pattern must be a string",
    ),
    (
        "anything_suffix_list_type",
        '[{"anything-but": {"suffix": [123, ".txt"]}}]',
        "prefix/suffix match pattern must be a string",
    ),
    (
        "anything_wildcard_list_type",
        '[{"anything-but": {"wildcard": [123, "*/dir/*"]}}]',
        "wildcard match pattern must be a string",
    ),
    (
        "anything_wildcard_type",
        '[{"anything-but": {"wildcard": 123}}]',
        "wildcard match pattern must be a string",
    ),
    (
        "ignorecase",
        '[{"equals-ignore-case": ["ec2 instance state-change notification"]}]',
        "equals-ignore-case match pattern must be a string",
    ),
    (
        "ignorecase_list",
        '[{"equals-ignore-case": {"prefix": "ec2"}}]',
        "equals-ignore-case match pattern must be a string",
    ),
    ("ip_address", '[{"cidr": "bad-filter"}]', "Malformed CIDR, one '/' required"),
    ("ip_address_bad_ip", '[{"cidr": "xx.11.xx/8"}]', "Nonstandard IP address: xx.11.xx"),
    ("ip_address_bad_mask", '[{"cidr": "bad-/64filter"}]', "Malformed CIDR, mask bits must be an integer"),
    ("ip_address_type", '[{"cidr": ["bad-type"]}]', "prefix match pattern must be a string"),
    (
        "ip_address_v6_bad_ip",
        '[{"cidr": "xxxx:db8:1234:1a00::/64"}]',
        "Nonstandard IP address: xxxx:db8:1234:1a00::",
    ),
    ("numeric", '[{"numeric": [">", 0, ">", 0]}]', "Bad numeric range operator: >"),
    ("numeric_number", '[{"numeric": 10}]', "Value of numeric must be an array."),
    ("numeric_operatorcasing", '[{"NUMERIC": ["=", 5]}]', "Unrecognized match type NUMERIC"),
    ("numeric_syntax", '[{"numeric": [">", 0, "<"]}]', "Value of < must be numeric"),
    ("prefix_int", '[{"prefix": 123}]', "prefix match pattern must be a string"),
    ("prefix_list", '[{"prefix": ["2022-07-13"]}]', "prefix match pattern must be a string"),
    ("suffix_int", '[{"suffix": 123}]', "suffix match pattern must be a string"),
    ("suffix_list", '[{"suffix": [".png"]}]', "suffix match pattern must be a string"),
    ("wildcard_int", '[{"wildcard": 123}]', "wildcard match pattern must be a string"),
    (
        "wildcard_list",
        '[{"wildcard": ["arn:aws:events:us-east-1:**:event-bus/*"]}]',
        "wildcard match pattern must be a string",
    ),
    (
        "wildcard_repeating_star",
        '[{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]',
        "Consecutive wildcard characters at pos 26",
    ),
    ("int_nolist", "42", '"f" must be an object or an array'),
    ("operator_case_sensitive", '[{"EXISTS": true}]', "Unrecognized match type EXISTS"),
    ("string_nolist", '"my-value"', '"f" must be an object or an array'),
]

DETAIL = {"c-count": 3, "d-count": 9, "x-limit": 301.8}
RANGES = '{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "x-limit": [{"numeric": ["=", 3.018e2]}]}}'
ANY_RANGE = (
    '{"detail": {"$or": [{"c-count": [{"numeric": [">", 0]}]}, {"d-count": [{"numeric": ["<", 10]}]}]}}'
)
# The structure of patterns and events: the recorded case, the pattern, the event, and whether it matched.
STRUCTURES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("numeric_and", RANGES, {"detail": DETAIL}, True),
    ("numeric_and, not", RANGES, {"detail": {**DETAIL, "c-count": 42}}, False),
    ("complex_or", ANY_RANGE, {"detail": {"c-count": 0, "d-count": 0}}, True),
    ("complex_or, not", ANY_RANGE, {"detail": {"c-count": 0, "d-count": 10}}, False),
    ("exists", '{"detail": {"state": [{"exists": true}]}}', {"detail": {"state": "pending"}}, True),
    ("exists, not", '{"detail": {"state": [{"exists": true}]}}', {"detail": {"c-count": {"c1": 100}}}, False),
    ("exists_false", '{"a": {"b:": {"c": {"d": [{"exists": false}]}}}}', {"a": {"b": "value"}}, True),
    ("exists_false, not", '{"a": {"b": {"c": [{"exists": false}]}}}', {"a": {"b": {"c": "value"}}}, False),
    ("exists_list_empty, not", '{"resources": [{"exists": true}]}', {"resources": []}, False),
    (
        "exists_dynamodb",
        '{"dynamodb": {"k": {"S": [{"exists": true}]}}}',
        {"dynamodb": {"k": {"S": "v"}}},
        True,
    ),
    (
        "exists_dynamodb, not",
        '{"dynamodb": {"k": [{"exists": true}]}}',
        {"dynamodb": {"k": {"S": "v"}}},
        False,
    ),
    (
        "dot_joining_event",
        '{"d": {"state": {"status": ["running"]}}}',
        {"d": {"state.status": "running"}},
        True,
    ),
    ("dot_joining_event, not", '{"d": {"s": {"t": ["x"]}}}', {"d": {"s.t": {"t": "x"}}}, False),
    ("dot_joining_pattern", '{"d": {"state.status": ["x"]}}', {"d": {"state": {"status": "x"}}}, True),
    ("dot_joining_pattern, not", '{"d": {"s.t": {"t": ["x"]}}}', {"d": {"s": {"t": "x"}}}, False),
    ("key_case_sensitive, not", '{"MY_KEY": ["my-value"]}', {"my_key": "my-value"}, False),
    ("list_within_dict", '{"l": {"id": [{"exists": true}]}}', {"l": [{"key1": "value1"}, {"id": "x"}]}, True),
    ("nested_json, not", '{"detail": {"k": ["v"]}}', {"detail": '{"k": "v"}'}, False),
    (
        "sample1",
        '{"source": ["order"], "detail-type": ["Test"]}',
        {"source": "order", "detail-type": "Test"},
        True,
    ),
]
OR_ABSENT = (
    '{"dynamodb": {"NewImage": {"homemade": {"S": [{"anything-but": ["roses"]}, {"exists": false}]}}}}'
)
NOT_101 = '{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 100]}, {"anything-but": "101"}]}}}}'
KEY_PREFIXES = (
    '{"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "COMPANY"}]}, "SK": {"S": [{"prefix": "PRODUCT"}]}}}}'
)
# Patterns on images: the recorded case, the pattern, the member of `dynamodb`, and whether it matched.
IMAGES: list[tuple[str, str, dict[str, Any], bool]] = [
    (
        "dynamodb",
        '{"dynamodb": {"NewImage": {"h": {"N": ["1234"]}}}}',
        {"NewImage": {"h": {"N": "1234"}}},
        True,
    ),
    ("or-anything-but", OR_ABSENT, {"NewImage": {"homemade": {"S": "ABCD", "N": "1234"}}}, True),
    ("or-exists", OR_ABSENT, {"NewImage": {"homemade": {"N": "789"}}}, True),
    ("or-exists-parent", OR_ABSENT, {"NewImage": {"purchased": {"N": "789"}}}, True),
    ("or-numeric-anything-but", NOT_101, {"NewImage": {"n": {"N": "42"}}}, True),
    ("or-numeric-anything-but, not", NOT_101, {"NewImage": {"n": {"N": "101"}}}, False),
    ("prefix", KEY_PREFIXES, {"Keys": {"PK": {"S": "COMPANY#1000"}, "SK": {"S": "PRODUCT#CHOCOLATE"}}}, True),
]
PRESENT = '{"dynamodb": {"NewImage": {"presentKey": {"S": [{"exists": true}]}}}}'
ABSENT = '{"dynamodb": {"NewImage": {"presentKey": [{"exists": false}]}}}'
WITH_KEY, WITHOUT_KEY = {"presentKey": {"S": "presentValue"}}, {"id": {"S": "id_value_1"}}
# LS-esm, test_dynamodb_event_filter: the pattern, the new image, and whether the function was invoked.
RECORDED_BY_MAPPING = [
    ('{"dynamodb": {"NewImage": {"presentKey": {"S": ["presentValue"]}}}}', WITH_KEY, True),
    ('{"dynamodb": {"NewImage": {"presentKey": {"S": ["presentValue"]}}}}', WITHOUT_KEY, False),
    (PRESENT, WITH_KEY, True),
    (PRESENT, WITHOUT_KEY, False),
    (ABSENT, WITHOUT_KEY, True),
    (ABSENT, WITH_KEY, True),  # presentKey is an object, and exists sees leaves only
    (NOT_101, {"n": {"N": "42"}}, True),
    (NOT_101, {"n": {"N": "101"}}, False),
    (
        '{"dynamodb": {"NewImage": {"prefix": {"S": [{"prefix": "us-1"}]}}}}',
        {"prefix": {"S": "us-1-x"}},
        True,
    ),
    (
        '{"dynamodb": {"NewImage": {"prefix": {"S": [{"prefix": "us-1"}]}}}}',
        {"prefix": {"S": "x-us-1"}},
        False,
    ),
    ('{"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 0]}]}}', WITH_KEY, True),
    ('{"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}', WITH_KEY, True),
    ('{"eventName": ["INSERT", "MODIFY"]}', WITH_KEY, True),
    ('{"eventName": ["MODIFY"]}', WITH_KEY, False),
]

TTL = {"eventName": "REMOVE", "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
ORDINARY = {"eventName": "REMOVE"}
# DDB: time-to-live-ttl-streams, and the opposite by recorded analogies: for an ordinary and a TTL record.
IDENTITIES = [
    ('{"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}', False, True),
    ('{"userIdentity": {"type": [{"exists": false}, {"anything-but": ["Service"]}]}}', True, False),
    ('{"userIdentity": [{"exists": false}]}', True, True),
    ('{"userIdentity": {"type": [{"anything-but": ["Service"]}]}}', False, False),
    ('{"userIdentity": [null]}', False, False),
    ('{"userIdentity": {"type": ["service"]}}', False, False),
]


@pytest.mark.parametrize(
    ("rule", "event", "expected"), [case[1:] for case in MATCHES], ids=[c[0] for c in MATCHES]
)
def test_an_operator_matches_what_aws_matched(rule: str, event: dict[str, Any], expected: bool) -> None:
    assert Pattern(f'{{"f": {rule}}}', all_operators=True).matches(event) is expected


@pytest.mark.parametrize(
    ("pattern", "event", "expected"), [case[1:] for case in STRUCTURES], ids=[c[0] for c in STRUCTURES]
)
def test_a_structure_matches_what_aws_matched(pattern: str, event: dict[str, Any], expected: bool) -> None:
    assert Pattern(pattern).matches(event) is expected


@pytest.mark.parametrize(
    ("pattern", "change", "expected"), [case[1:] for case in IMAGES], ids=[c[0] for c in IMAGES]
)
def test_an_image_matches_what_aws_matched(pattern: str, change: dict[str, Any], expected: bool) -> None:
    assert Pattern(pattern).matches({"dynamodb": change}) is expected


@pytest.mark.parametrize(("pattern", "image", "invoked"), RECORDED_BY_MAPPING)
def test_a_mapping_invokes_for_what_aws_invoked(pattern: str, image: dict[str, Any], invoked: bool) -> None:
    event = {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"ApproximateCreationDateTime": 1664559083.0, "NewImage": image},
    }

    assert Pattern(pattern).matches(event) is invoked


@pytest.mark.parametrize(("pattern", "ordinary", "ttl"), IDENTITIES)
def test_the_identity_of_a_removal_decides(pattern: str, ordinary: bool, ttl: bool) -> None:
    compiled = Pattern(pattern)

    assert (compiled.matches(ORDINARY), compiled.matches(TTL)) == (ordinary, ttl)


@pytest.mark.parametrize(
    ("rule", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_pattern_that_aws_refused_is_refused_with_its_reason(rule: str, reason: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        Pattern(f'{{"f": {rule}}}', all_operators=True)

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("single-string", "not JSON"),
        ('[{"eventName": ["INSERT"=123}]', "not JSON"),
        ('"text"', "not an object"),
        ('["text"]', "not an object"),
        ("{}", "Empty objects"),
        ('{"f": {}}', "Empty objects"),
        ('{"f": [["nested"]]}', "Match value must be"),
        ('{"f": [{}]}', "Match expression name not found"),
        ('{"f": [{"prefix": "a", "suffix": "b"}]}', "Only one key"),
        ('{"f": [{"exists": "true"}]}', "either true or false"),
        ('{"f": [{"anything-but": []}]}', "mixed type"),
        ('{"f": [{"anything-but": ["a", 1]}]}', "mixed type"),
        ('{"f": [{"numeric": []}]}', "Invalid member"),
        ('{"f": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator: ~"),
        ('{"f": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric"),
        ('{"f": [{"numeric": ["=", 1, "<", 2]}]}', "Too many elements"),
        ('{"f": [{"numeric": [">", 1, "<", 2, 3]}]}', "Too many terms"),
        ('{"f": [{"numeric": [">", 2, "<", 2]}]}', "Bottom must be less than top"),
        ('{"f": [{"prefix": {"suffix": "a"}}]}', "Unsupported prefix pattern: suffix"),
        ('{"$or": [{"f": ["a"]}]}', "at least 2 Objects"),
        ('{"$or": {"f": ["a"]}}', "must be an Array"),
        ('{"$or": ["a", "b"]}', "Only JSON object"),
        ('{"$or": [{"f": ["a"]}, {"prefix": ["a"]}]}', "reserved"),
    ],
)
def test_a_text_that_is_no_pattern_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidPattern, match=reason):
        Pattern(text)


@pytest.mark.parametrize(
    "rule",
    ['{"wildcard": "a*"}', '{"cidr": "10.0.0.0/8"}', '{"exactly": "a"}', '{"anything-but": {"prefix": "a"}}'],
)
def test_an_operator_that_event_filtering_does_not_document_needs_the_option(rule: str) -> None:
    with pytest.raises(InvalidPattern, match="not verified"):
        Pattern(f'{{"f": [{rule}]}}')

    Pattern(f'{{"f": [{rule}]}}', all_operators=True)


def test_of_equal_names_the_last_list_wins_and_objects_are_joined() -> None:
    assert Pattern('{"d": {"f": ["a"], "f": ["b"]}}').matches({"d": {"f": "b"}})
    assert not Pattern('{"d": {"f": ["a"]}, "d": {"g": ["b"]}}').matches({"d": {"g": "b"}})


def test_alternatives_are_combined_with_what_stands_before_and_after_them() -> None:
    pattern = Pattern('{"a": [1], "$or": [{"b": [2]}, {"c": [3]}], "d": [4]}')

    assert pattern.matches({"a": 1, "c": 3, "d": 4})
    assert not pattern.matches({"a": 1, "d": 4})
    assert not pattern.matches({"a": 1, "b": 2, "d": 5})


def test_fields_have_to_match_in_the_same_element_of_an_array() -> None:
    pattern = Pattern('{"l": {"S": ["a"], "N": ["1"]}}')

    assert pattern.matches({"l": [{"S": "b", "N": "1"}, {"S": "a", "N": "1"}]})
    assert not pattern.matches({"l": [{"S": "a", "N": "2"}, {"S": "b", "N": "1"}]})


def test_numbers_of_an_event_may_be_decimals_and_strings_are_none() -> None:
    pattern = Pattern('{"f": [{"numeric": ["<=", 1.5]}]}')

    assert pattern.matches({"f": Decimal("1.50")})
    assert not pattern.matches({"f": "1"})


@pytest.mark.parametrize(
    ("wildcard", "text", "expected"),
    [(r"a\*b", "a*b", True), (r"a\*b", "axb", False), (r"a\\*", "a\\bc", True), ("a.c", "abc", False)],
)
def test_a_backslash_takes_the_meaning_from_a_wildcard(wildcard: str, text: str, expected: bool) -> None:
    pattern = Pattern(json.dumps({"f": [{"wildcard": wildcard}]}), all_operators=True)

    assert pattern.matches({"f": text}) is expected


def test_a_backslash_before_another_character_is_refused() -> None:
    with pytest.raises(InvalidPattern, match="Invalid escape character at pos 2"):
        Pattern(json.dumps({"f": [{"wildcard": r"a\b"}]}), all_operators=True)
