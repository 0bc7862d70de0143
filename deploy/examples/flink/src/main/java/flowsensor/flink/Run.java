package flowsensor.flink;

import java.util.ArrayList;
import java.util.List;

/**
 * How far an output of a sensor's run has come. Public fields are its state, a POJO as {@link Flow} is; save() makes them
 * complete.
 *
 * <p>A heartbeat is accepted when all records up to its lastSeq are here, but for those that were dropped. Records and heartbeats
 * may come in any order, and twice.
 */
public final class Run {
    /** With more heartbeats waiting every second one is forgotten. A later one says no less. */
    private static final int WAITING_MAX = 1024;

    public String key;
    /** All records with a lower seq are here, but for so many. */
    public long next;
    public long gaps;
    /** Those of the gaps that no heartbeat explains: they were waited for in vain. */
    public long lost;
    /** Number and bound of the last heartbeat that was accepted. */
    public long accepted = -1;
    public long bound = Beat.NO_BOUND;
    public boolean isEnded;
    public List<Beat> waiting = new ArrayList<>();
    public long[] early = {};
    public long intervalMs;

    /** Seqs above `next` that are here. */
    private transient Seqs seqs = new Seqs(early);
    /** The last sign of life, by this job's clock. */
    private transient long heardMs;

    public Run() {}

    Run(String key, long nowMs) {
        this.key = key;
        heardMs = nowMs;
    }

    Run save() {
        early = seqs.save();
        return this;
    }

    /** After a restart: the time in which this job didn't listen is not the sensor's silence. */
    Run restored(long nowMs, boolean isOwn) {
        seqs = new Seqs(early);
        heardMs = nowMs;
        if (isOwn) {
            waiting.forEach(beat -> beat.receivedMs = nowMs);
        } else {
            waiting.clear();
        }
        return this;
    }

    /** Takes a record. Returns whether a heartbeat may be due now. */
    boolean take(long seq, long nowMs) {
        if (seq > next) {
            seqs.add(seq);
        } else if (seq == next) {
            next = seqs.takeFrom(seq + 1);
        }
        if (waiting.isEmpty()) {
            return false;
        }
        heardMs = nowMs; // A heartbeat waits for records, and they come still.
        return waiting.get(0).lastSeq < next;
    }

    /** Takes a heartbeat of a run whose records come here, or not. */
    void take(Beat beat, boolean isOwn) {
        heardMs = beat.receivedMs;
        intervalMs = beat.intervalMs;
        if (beat.number <= accepted) {
            return; // It was here before.
        }
        if (!isOwn) {
            raise(beat);
            return;
        }
        int place = waiting.size();
        while (place > 0 && waiting.get(place - 1).number >= beat.number) {
            place--;
        }
        waiting.add(place, beat);
        if (waiting.size() > WAITING_MAX) {
            List<Beat> kept = new ArrayList<>();
            for (int i = waiting.size() - 1; i >= 0; i -= 2) {
                kept.add(0, waiting.get(i));
            }
            waiting = kept;
        }
    }

    /** Accepts the latest heartbeat that is due. One that has waited for `lostMs` is due without its records. */
    void settle(long nowMs, long lostMs) {
        for (int i = waiting.size() - 1; i >= 0; i--) {
            Beat beat = waiting.get(i);
            long missing = beat.lastSeq < next ? 0 : beat.lastSeq + 1 - next - seqs.countUpTo(beat.lastSeq);
            long unexplained = gaps + missing - beat.dropped - lost;
            if (unexplained > 0 && nowMs - beat.receivedMs < lostMs) {
                continue;
            }
            lost += Math.max(0, unexplained);
            gaps += missing;
            next = seqs.takeFrom(Math.max(next, beat.lastSeq + 1));
            waiting.subList(0, i + 1).clear();
            raise(beat);
            return;
        }
    }

    private void raise(Beat beat) {
        accepted = beat.number;
        bound = Math.max(bound, beat.bound);
        isEnded = beat.isLast;
    }

    /** Whether no sign of life came for so long before that time. */
    boolean isSilent(long nowMs, long limitMs) {
        return nowMs - heardMs > Math.max(limitMs, 2 * intervalMs);
    }

    /** Nobody was heard for so long: that is this side's fault. */
    void forgive(long pauseMs) {
        heardMs += pauseMs;
    }
}
