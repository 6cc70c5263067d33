"""Items as people have them in files: read the same way by every command that takes a user's own items.

item_reader       files, in any of the forms, one after the other
item_forms        one line or document -> its items in DynamoDB JSON
attribute_values  one attribute value: checked, inferred from plain JSON, or made ready for boto3
export_manifest   the manifests of a DynamoDB export: what was exported, and its data files
export_store      where the files of an export lie: a folder, or a bucket
export_lines      a line of a data file -> the exported item, its keys and its time
"""
