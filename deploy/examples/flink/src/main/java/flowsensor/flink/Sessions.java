package flowsensor.flink;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.util.Collector;

/** What a host did in one go: takes source, destination and bytes of a flow; gives rows of {@link Tables#SESSIONS}. */
final class Sessions implements AggregateFunction<Tuple3<String, String, Long>, Sessions.Session, Sessions.Session> {
    /** A session with more destinations says that it has so many: a scan must not fill the memory. */
    static final int DESTINATIONS_MAX = 10_000;

    /** A POJO, as {@link Flow} is. */
    public static final class Session {
        public long flows;
        public long bytes;
        public Set<String> destinations = new HashSet<>();
    }

    @Override
    public Session createAccumulator() {
        return new Session();
    }

    @Override
    public Session add(Tuple3<String, String, Long> flow, Session session) {
        session.flows++;
        session.bytes += flow.f2;
        if (session.destinations.size() < DESTINATIONS_MAX) {
            session.destinations.add(flow.f1);
        }
        return session;
    }

    @Override
    public Session getResult(Session session) {
        return session;
    }

    @Override
    public Session merge(Session one, Session other) {
        boolean isLarger = one.destinations.size() >= other.destinations.size();
        Session kept = isLarger ? one : other;
        Session added = isLarger ? other : one;
        kept.flows += added.flows;
        kept.bytes += added.bytes;
        for (String destination : added.destinations) {
            if (kept.destinations.size() >= DESTINATIONS_MAX) {
                break;
            }
            kept.destinations.add(destination);
        }
        return kept;
    }

    /** A session as a row. It began with its first flow's last packet, and ended with its last one's. */
    static final class Rows extends ProcessWindowFunction<Session, RowData, String, TimeWindow> {
        private final long gapMs;

        Rows(long gapMs) {
            this.gapMs = gapMs;
        }

        @Override
        public void process(String host, Context context, Iterable<Session> sessions, Collector<RowData> out) {
            for (Session session : sessions) {
                out.collect(GenericRowData.of(TimestampData.fromEpochMillis(context.window().getStart()),
                        TimestampData.fromEpochMillis(context.window().getEnd() - gapMs), StringData.fromString(host), session.flows,
                        session.bytes, (long) session.destinations.size()));
            }
        }
    }
}
