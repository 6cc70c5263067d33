"""What is deployed, with AWS CDK: one file per capability, and `local`, the same on one machine.

archive            the construct TtlArchive, which puts the parts together
storage            the bucket: encryption, versions, life cycle, lock
stream, table      the data stream, and the table that streams into it
attachment  the code that attaches an existing table
function           the transform function
delivery           the delivery stream
catalog, view      Glue tables from archive.toml, and the view without duplicates
workgroup          Athena: scan limit, results, saved queries
replay_map         replay of many error objects at once
alarms, dashboard  what to watch
roles              who may do what
stack, app, synth  the app that deploys all of it from archive.toml
package, assets    the zip files of the functions
deploy_settings    [deploy] in archive.toml, and deploy_schema what it may hold
layout             the prefixes in the bucket
columns, metrics   what the catalog holds, and what the alarms watch
node, nag          CDK's Node, and accepted findings of cdk-nag
log_group          a log group with its retention
cli                the command ttl-archive
"""
