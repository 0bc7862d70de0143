package flowsensor.flink;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.util.Collector;

/** Flows, packets and bytes of an application: takes its name, packets and bytes of a flow; gives rows of {@link Tables#APPLICATIONS}. */
final class Applications implements AggregateFunction<Tuple3<String, Long, Long>, Tuple3<Long, Long, Long>, Tuple3<Long, Long, Long>> {
    @Override
    public Tuple3<Long, Long, Long> createAccumulator() {
        return Tuple3.of(0L, 0L, 0L);
    }

    @Override
    public Tuple3<Long, Long, Long> add(Tuple3<String, Long, Long> flow, Tuple3<Long, Long, Long> sum) {
        return Tuple3.of(sum.f0 + 1, sum.f1 + flow.f1, sum.f2 + flow.f2);
    }

    @Override
    public Tuple3<Long, Long, Long> getResult(Tuple3<Long, Long, Long> sum) {
        return sum;
    }

    @Override
    public Tuple3<Long, Long, Long> merge(Tuple3<Long, Long, Long> one, Tuple3<Long, Long, Long> other) {
        return Tuple3.of(one.f0 + other.f0, one.f1 + other.f1, one.f2 + other.f2);
    }

    /** The sums of a window as a row. */
    static final class Rows extends ProcessWindowFunction<Tuple3<Long, Long, Long>, RowData, String, TimeWindow> {
        @Override
        public void process(String application, Context context, Iterable<Tuple3<Long, Long, Long>> sums, Collector<RowData> out) {
            for (Tuple3<Long, Long, Long> sum : sums) {
                out.collect(GenericRowData.of(TimestampData.fromEpochMillis(context.window().getStart()),
                        StringData.fromString(application), sum.f0, sum.f1, sum.f2));
            }
        }
    }
}
