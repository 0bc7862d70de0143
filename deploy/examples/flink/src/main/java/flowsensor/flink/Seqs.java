package flowsensor.flink;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;

/** A set of seqs, kept as ranges: few, since gaps are few. */
final class Seqs {
    /** The first seq of each range, and its last one. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    Seqs(long[] saved) {
        for (int i = 0; i < saved.length; i += 2) {
            ranges.put(saved[i], saved[i + 1]);
        }
    }

    long[] save() {
        return ranges.entrySet().stream().flatMapToLong(range -> LongStream.of(range.getKey(), range.getValue()))
                .toArray();
    }

    void add(long seq) {
        Map.Entry<Long, Long> before = ranges.floorEntry(seq);
        if (before != null && before.getValue() >= seq) {
            return;
        }
        long first = before != null && before.getValue() == seq - 1 ? before.getKey() : seq;
        Long last = ranges.remove(seq + 1);
        ranges.put(first, last == null ? seq : last);
    }

    /** How many there are up to that one, which is in. */
    long countUpTo(long seq) {
        long count = 0;
        for (Map.Entry<Long, Long> range : ranges.headMap(seq, true).entrySet()) {
            count += Math.min(range.getValue(), seq) - range.getKey() + 1;
        }
        return count;
    }

    /** Takes out all below `next`, and those that follow on it without a gap; returns the first one that isn't there. */
    long takeFrom(long next) {
        long missing = next;
        Map.Entry<Long, Long> range = ranges.firstEntry();
        while (range != null && range.getKey() <= missing) {
            missing = Math.max(missing, range.getValue() + 1);
            ranges.pollFirstEntry();
            range = ranges.firstEntry();
        }
        return missing;
    }
}
