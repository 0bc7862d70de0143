-- Windows of flows: per application, and per host. README.md says how to run it, and what each number rests on.
-- Before it come the tables that `flowsensor schema ddl flink` writes: flow_v2 and heartbeat_v1.

SET 'table.local-time-zone' = 'UTC';
SET 'execution.checkpointing.interval' = '1 min';
-- How long after a record its duplicate is known.
SET 'table.exec.state.ttl' = '6 h';

-- 126 seconds: meter.idle_timeout and 6 seconds (deploy/messages.md, "How late").
CREATE TABLE flows (
    arrival AS PROCTIME(),
    last_seen AS TO_TIMESTAMP_LTZ(bidirectional_last_seen / 1000, 3),
    WATERMARK FOR last_seen AS TO_TIMESTAMP_LTZ(record_time / 1000, 3) - INTERVAL '126' SECOND(3)
) WITH (
    'topic' = 'flows',
    'properties.bootstrap.servers' = 'HOST:9092',
    'avro-confluent.url' = 'http://HOST:8081',
    'scan.watermark.idle-timeout' = '1 min'
) LIKE flow_v2;

-- Traffic, each record once, and of each slice its last one.
CREATE TEMPORARY VIEW finals AS
SELECT last_seen, src_ip, dst_ip, application_name, bidirectional_packets, bidirectional_bytes
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY flow_uid, slice, revision ORDER BY arrival) AS copy
    FROM flows
    WHERE record_kind = 'final' AND NOT ARRAY_CONTAINS(quality_flags, 'synthetic')
)
WHERE copy = 1;

CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'file:///WAREHOUSE');
CREATE DATABASE IF NOT EXISTS lake.windows;
CREATE TABLE IF NOT EXISTS lake.windows.application_minutes (
    window_start TIMESTAMP(6),
    application_name STRING,
    flows BIGINT,
    packets BIGINT,
    `bytes` BIGINT
);
CREATE TABLE IF NOT EXISTS lake.windows.late (
    last_seen TIMESTAMP_LTZ(6),
    src_ip STRING,
    application_name STRING,
    packets BIGINT,
    `bytes` BIGINT
);
CREATE TABLE host_sessions (
    session_start TIMESTAMP(3),
    session_end TIMESTAMP(3),
    src_ip STRING,
    flows BIGINT,
    `bytes` BIGINT,
    destinations BIGINT
) WITH ('connector' = 'filesystem', 'path' = 'file:///PARQUET', 'format' = 'parquet', 'parquet.write.int64.timestamp' = 'true');

EXECUTE STATEMENT SET BEGIN

INSERT INTO lake.windows.application_minutes
SELECT window_start, application_name, COUNT(*), SUM(bidirectional_packets), SUM(bidirectional_bytes)
FROM TABLE(TUMBLE(TABLE finals, DESCRIPTOR(last_seen), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, application_name;

-- A host's session ends with 15 minutes in which no flow of it has ended.
INSERT INTO host_sessions
SELECT window_start, window_end, src_ip, COUNT(*), SUM(bidirectional_bytes), COUNT(DISTINCT dst_ip)
FROM TABLE(SESSION(TABLE finals PARTITION BY src_ip, DESCRIPTOR(last_seen), INTERVAL '15' MINUTE))
GROUP BY window_start, window_end, src_ip;

-- What came behind the watermark: no more than this is missing above.
INSERT INTO lake.windows.late
SELECT last_seen, src_ip, application_name, bidirectional_packets, bidirectional_bytes
FROM finals
WHERE last_seen <= CURRENT_WATERMARK(last_seen);

END;
