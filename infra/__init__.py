"""What is deployed, with AWS CDK: one file per capability. `local` runs the same pipeline on one machine.

archive            the construct TtlArchive, which composes the parts below; archive_access: its grants
part_order         in which order the parts are created and removed
storage            the bucket: encryption, versions, life cycle, lock
kinesis_road       the way of a change by data stream and transform; data_stream: the stream
streams_road       the way by the table's own stream and the forwarder
source_table       the table: an existing one is attached, or a new one is created
attachment         the code of the custom resources
layout_guard       the custom resource that refuses what would hide or lose rows
wanted_layout      the layout that archive.toml asks for
stream_filter      the filter of an event source mapping on DynamoDB Streams
stream_mapping     the settings of that mapping
update_rules       what a later change of each key does
deployed_stack     what an update of a deployed stack would refuse, for check-config
drain              the command ttl-archive drain
operator_policies  managed policies for the people who run the commands
bucket_sharing     replication, and read access from other accounts
prices             the costs that the documents state, from prices.toml
costs              what an archive costs in a month, by the number and size of its changes
evidence           what a table's items say about it: the commands ttl-archive init and schema
functions          a Python function with its log group and role; the transform function
delivery           the delivery stream
glue_catalog       Glue: the text tables that the relations read
sql                the relations: SQL for Athena and for DuckDB, and the saved queries
query              questions to the archive: in Athena, and over the files by an embedded engine
athena_relations   the relations as views in Athena; athena_views: the code of that custom resource
workgroup          Athena: scan limit, results, saved queries
replay_map         replay of many error objects at once
export             [export]: exports of the table on a schedule
scheduled_reports  [[reports]]: queries on a schedule, their results in the bucket
standard_machine   a state machine, and the schedules that start it; map_machine: with a Distributed Map
machine_states     the states that several state machines have
alarms, dashboard  what is watched; metric_names: under which AWS names
roles              the IAM statements of every part; delivery_roles: those of Firehose
log_group          a log group with its retention
nag                accepted findings of cdk-nag
stack, app, synth  the app that deploys all of it from archive.toml
package, assets    the zip files of the functions
deploy_settings    [deploy] in archive.toml; deploy_conflicts: keys that exclude each other
node               the Node that CDK runs on
cli                the command ttl-archive
"""
