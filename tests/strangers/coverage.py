"""Which values the fields of the decoded records took: every field needs two, every nullable one null and a value."""

VALUES_KEPT = 2


class Coverage:
    """What was seen of one schema's fields; can be sent between processes and merged."""

    def __init__(self, names):
        self.names = names
        self.values = [set() for _ in names]
        self.nulls = [0] * len(names)
        self.records = 0

    def add(self, record):
        """Notes one record."""
        self.records += 1
        for index, value in enumerate(record):
            if value is None:
                self.nulls[index] += 1
            elif len(self.values[index]) < VALUES_KEPT:
                self.values[index].add(repr(value))

    def note(self, name, value):
        """Notes a value of one field, of a record that is not counted."""
        if len(self.values[self.names.index(name)]) < VALUES_KEPT:
            self.values[self.names.index(name)].add(repr(value))

    def merge(self, other):
        """Adds what another process saw."""
        self.records += other.records
        for index, values in enumerate(other.values):
            self.values[index] |= values
            self.nulls[index] += other.nulls[index]


def lacks(coverage, fields):
    """(field, what it lacks) for every field that did not show all it can be."""
    found = []
    for index, field in enumerate(fields):
        values, nulls = len(coverage.values[index]), coverage.nulls[index]
        if values < VALUES_KEPT:
            found.append((field.name, f"{values} of {VALUES_KEPT} values"))
        if field.nullable and nulls == 0:
            found.append((field.name, "the branch null"))
        if field.nullable and values == 0:
            found.append((field.name, "the branch with a value"))
    return found


def table(coverage, fields):
    """One line that sums up, and one for each field that lacks something."""
    nullable = sum(field.nullable for field in fields)
    lines = [f"{coverage.records} records, {len(fields)} fields, {nullable} of them nullable"]
    return lines + [f"  {name:<34} lacks {what}" for name, what in lacks(coverage, fields)]
