-- What heartbeats say is missing: of each run of a sensor the records that it made and did not drop, and that the topic doesn't have.
-- In batch mode. Before it come the tables that `flowsensor schema ddl flink` writes: flow_v2 and heartbeat_v1.

SET 'execution.runtime-mode' = 'batch';

CREATE TABLE flows WITH (
    'topic' = 'flows',
    'properties.bootstrap.servers' = 'HOST:9092',
    'avro-confluent.url' = 'http://HOST:8081',
    'scan.bounded.mode' = 'latest-offset'
) LIKE flow_v2;

CREATE TABLE heartbeats WITH (
    'topic' = 'heartbeats',
    'properties.bootstrap.servers' = 'HOST:9092',
    'avro-confluent.url' = 'http://HOST:8081',
    'scan.bounded.mode' = 'latest-offset'
) LIKE heartbeat_v1;

-- The last heartbeat of each run has the highest numbers; `flows` is the name of the output (outputs.name).
CREATE TEMPORARY VIEW runs AS
SELECT sensor_id, boot_id, MAX(is_last) AS ended,
    MAX(last_seqs[ARRAY_POSITION(outputs, 'flows')]) AS last_seq,
    MAX(records_dropped[ARRAY_POSITION(outputs, 'flows')]) AS dropped
FROM heartbeats
WHERE ARRAY_CONTAINS(outputs, 'flows')
GROUP BY sensor_id, boot_id;

SELECT runs.sensor_id, runs.boot_id, ended, last_seq + 1 - dropped - COUNT(DISTINCT seq) AS missing
FROM runs LEFT JOIN flows ON runs.boot_id = flows.boot_id AND flows.`output` = 'flows' AND flows.seq <= last_seq
GROUP BY runs.sensor_id, runs.boot_id, ended, last_seq, dropped;
