package flowsensor.flink;

/** What this job needs of a flow's record. Public fields and no others: so Flink has a serializer for it, without Kryo. */
public final class Flow {
    public String sensor;
    /** The sensor's run and its output: within it `seq` is 0, 1, 2, ... */
    public String run;
    public long seq;
    public String uid;
    public int slice;
    public int revision;
    public boolean isFinal;
    /** Times are microseconds since 1970. */
    public long firstSeen;
    public long lastSeen;
    public String source;
    public int sourcePort;
    public String destination;
    public int destinationPort;
    public int protocol;
    public String application;
    public long packets;
    public long bytes;

    /** The primary key of records of flows. */
    public String key() {
        return uid + '/' + slice + '/' + revision;
    }

    /** The event time as Flink has it. */
    public long millis() {
        return Math.floorDiv(lastSeen, 1000L);
    }
}
