package flowsensor.examples;

import org.apache.avro.generic.GenericRecord;

/** Kinds of records: final ones tell of a slice that has ended, early and update ones of one that goes on. */
final class Kinds {
    private static final String FIELD = "record_kind";

    private Kinds() {}

    /** Whether the record is to be counted: one of each slice is. Records without the field are final ones. */
    static boolean isFinal(GenericRecord flow) {
        return !flow.hasField(FIELD) || flow.get(FIELD).toString().equals("final");
    }
}
