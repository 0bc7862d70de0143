"""Records as our CSV says them: what every reader of the other outputs has to see."""
import csv
import json

csv.field_size_limit(1 << 24)


def boolean(cell):
    """CSV writes true and false, and nothing else counts."""
    return {"true": True, "false": False}[cell]


CONVERTERS = {"int": int, "long": int, "double": float, "boolean": boolean, "string": str, "array": json.loads}


def converter(field, column, empty_is_null):
    """A function from a row of cells to the field's value. `column` is None where its group is off."""
    if column is None:
        return lambda row: None
    convert = CONVERTERS[field.kind]
    if not field.nullable or (field.kind == "string" and not empty_is_null):
        return lambda row: convert(row[column])
    return lambda row: convert(row[column]) if row[column] else None


# Columns that text has and schemas have not.
TEXT_ALONE = {"capture_file"}


def read_csv(path, schema):
    """All records of a CSV file. An empty cell is null, but in NFStream's columns, which are never null, an empty text."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        columns = {name: index for index, name in enumerate(header)}
        if len(columns) != len(header) or set(columns) - set(schema.names) - TEXT_ALONE:
            raise ValueError(f"{path}: columns that are double or not of {schema.name}")
        empty_is_null = not schema.name.startswith("nfstream")
        converters = [converter(field, columns.get(field.name), empty_is_null) for field in schema.fields]
        return [[convert(row) for convert in converters] for row in rows]
