package flowsensor.scorer;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/**
 * Makes a row of floats of a record, as features() of the Python package does: numbers by way of double, booleans 0 and 1, what
 * is missing NaN; of an SPLT list the first elements, then -1, or NaN in all places where the list is missing.
 */
final class Features {
    static final float PADDING = -1.0f;
    private static final String SPLT = "splt_";
    private static final String NESTED = "udps.";

    /** Where a value is in the record. */
    private record Place(int field, int nested, boolean isList) {}

    private final List<Place> places = new ArrayList<>();
    private final int splt;

    /** @throws IllegalArgumentException if the schema lacks a field, or has one that is no number; the text says which */
    Features(List<String> names, int splt, Schema schema) {
        this.splt = splt;
        for (String name : names) {
            Schema.Field field = find(schema, name);
            boolean isList = name.startsWith(SPLT);
            if (field == null) {
                throw new IllegalArgumentException("it has no field " + name);
            }
            Schema type = withoutNull(field.schema());
            if (isList ? type.getType() != Schema.Type.ARRAY || !isNumber(type.getElementType()) : !isNumber(type)) {
                throw new IllegalArgumentException("its field " + name + " is no " + (isList ? "list of numbers" : "number"));
            }
            places.add(name.startsWith(NESTED)
                    ? new Place(schema.getField(outer(name)).pos(), field.pos(), isList)
                    : new Place(field.pos(), -1, isList));
        }
    }

    /** The name of the record's own field: udps of udps.NAME. */
    static String outer(String name) {
        return name.startsWith(NESTED) ? NESTED.substring(0, NESTED.length() - 1) : name;
    }

    /** The field of a column's name, null if the schema lacks it. */
    static Schema.Field find(Schema schema, String name) {
        Schema.Field field = schema.getField(outer(name));
        if (field == null || !name.startsWith(NESTED)) {
            return field;
        }
        Schema inner = withoutNull(field.schema());
        return inner.getType() == Schema.Type.RECORD ? inner.getField(name.substring(NESTED.length())) : null;
    }

    private static Schema withoutNull(Schema type) {
        if (type.getType() != Schema.Type.UNION) {
            return type;
        }
        return type.getTypes().stream().filter(branch -> branch.getType() != Schema.Type.NULL).findFirst().orElse(type);
    }

    private static boolean isNumber(Schema type) {
        Schema plain = withoutNull(type);
        return switch (plain.getType()) {
            case INT, LONG, FLOAT, DOUBLE, BOOLEAN -> plain.getLogicalType() == null;
            default -> false;
        };
    }

    /** Writes the row from the buffer's beginning on. */
    void write(GenericRecord flow, FloatBuffer row) {
        row.clear();
        for (Place place : places) {
            Object value = flow.get(place.field);
            if (place.nested >= 0 && value != null) {
                value = ((GenericRecord) value).get(place.nested);
            }
            if (place.isList) {
                writeList((List<?>) value, row);
            } else {
                row.put(number(value));
            }
        }
        row.flip();
    }

    private void writeList(List<?> values, FloatBuffer row) {
        for (int at = 0; at < splt; at++) {
            if (values == null) {
                row.put(Float.NaN);
            } else {
                row.put(at < values.size() ? number(values.get(at)) : PADDING);
            }
        }
    }

    private static float number(Object value) {
        if (value == null) {
            return Float.NaN;
        }
        if (value instanceof Boolean flag) {
            return flag ? 1.0f : 0.0f;
        }
        // A long is rounded twice, as numpy does it on the way from int64 by float64 to float32.
        return (float) ((Number) value).doubleValue();
    }
}
