package flowsensor.flink;

/** What a heartbeat says of one output. A POJO, as {@link Flow} is. */
public final class Beat {
    /** Stands for a bound while the sensor has seen no packet. */
    public static final long NO_BOUND = Long.MIN_VALUE;

    public String run;
    /** The heartbeat's own seq. */
    public long number;
    /** The highest seq of a record that was made before it, or -1. */
    public long lastSeq;
    /** So many of the records up to lastSeq were dropped. */
    public long dropped;
    /** No record behind lastSeq has an earlier last packet (microseconds since 1970). */
    public long bound;
    public long intervalMs;
    public boolean isLast;
    /** When it came, by this job's clock. */
    public long receivedMs;
}
