"""The life of one item from the archive: the command `history`.

module            subject
history_command   the command: its options and help
item_questions    the questions to a place, and what it does not see
item_answer       the answer: its verdict, its exit code, and its document for --json
item_changes      a change of an item, and what it changed in the attributes
item_report       the answer for people, at 80 columns

The rule by which changes are ordered, and the states at a moment, are in `infra/sql/history_relation`.
"""
