"""Items of DynamoDB exports -> rows in the archive: `ttl-archive backfill`.

exported_rows   an exported item -> its row, by the transform's own writer
"""
