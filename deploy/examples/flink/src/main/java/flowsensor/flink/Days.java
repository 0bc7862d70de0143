package flowsensor.flink;

import java.time.LocalDate;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;
import org.apache.flink.table.data.RowData;

/** Sorts rows of {@link Tables#FLOWS} into folders by the day of the last packet: day=2026-03-01. */
final class Days implements BucketAssigner<RowData, String> {
    private static final long DAY_MS = 86_400_000L;
    private static final int MICROS = 6; // the columns' precision

    private final int column;
    private transient long day;
    private transient String name;

    /** @param column the place of the time in a row */
    Days(int column) {
        this.column = column;
    }

    @Override
    public String getBucketId(RowData row, Context context) {
        long found = Math.floorDiv(row.getTimestamp(column, MICROS).getMillisecond(), DAY_MS);
        if (name == null || found != day) {
            day = found;
            name = "day=" + LocalDate.ofEpochDay(found);
        }
        return name;
    }

    @Override
    public SimpleVersionedSerializer<String> getSerializer() {
        return SimpleVersionedStringSerializer.INSTANCE;
    }
}
