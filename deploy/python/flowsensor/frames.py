"""From records to columns, and from those to the frames of pandas and polars."""
import importlib
from array import array

from .layout import group_of

ARRAY_CODES = {"integer": "q", "double": "d"}
# A text column with more different values than this hardly repeats itself.
SHARED_MAX = 10000


def need(module, what, package=None):
    """The optional module, or an ImportError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{what} needs {module}; run: pip install '{package or module}'") from error


class Column:
    """Values of one column. Numbers are kept as numbers, with 0 where there is none; texts that are equal are one object."""

    def __init__(self, kind, empty_is_null, rows):
        self.kind, self.empty_is_null, self.shared = kind, empty_is_null, {}
        self.values = array(ARRAY_CODES[kind]) if kind in ARRAY_CODES else []
        self.missing = bytearray()  # 1 for each row without a value; shorter than the column if its last rows have one
        self.extend([None] * rows)

    def extend(self, values):
        if None in values:
            self.missing.extend(bytes(len(self.values) - len(self.missing)))
            self.missing.extend(value is None for value in values)
            if self.kind in ARRAY_CODES:
                values = [0 if value is None else value for value in values]
        if self.kind == "string" and len(self.shared) < SHARED_MAX:
            values = [self.shared.setdefault(value, value) for value in values]
        self.values.extend(values)

    def is_empty(self):
        """Whether no row has a value."""
        return self.missing.count(1) == len(self.values)

    def objects(self):
        """The values as a list with None where there is none."""
        if self.empty_is_null and self.kind == "string":
            return [value or None for value in self.values]
        values = list(self.values)
        for place, missing in enumerate(self.missing):
            if missing:
                values[place] = None
        return values


class Table:
    """All records of some batches, by column, in the order in which the schemas name them."""

    def __init__(self, batches):
        self.columns, self.rows, self.name = {}, 0, None
        for layout, records in batches:
            self.add(layout, records)

    def add(self, layout, records):
        if self.name not in (None, layout.name):
            raise ValueError(f"records of {self.name} and of {layout.name} don't fit one table; read them apart")
        self.name = layout.name
        for name, kind in layout.kinds.items():
            if name not in self.columns:
                self.columns[name] = Column(kind, layout.empty_is_null, self.rows)
            if self.columns[name].kind != kind:
                raise ValueError(f"column {name} has two types in these schemas; read them apart")
        if layout.nested:
            records = [layout.flat(record) for record in records]
        for name, column in self.columns.items():
            column.extend([record.get(name) for record in records])
        self.rows += len(records)

    def shown(self):
        """The columns without those of groups that are off: without a value in any record."""
        groups = {}
        for name, column in self.columns.items():
            groups.setdefault(group_of(name), []).append(column.is_empty())
        off = {group for group, empty in groups.items() if group and self.rows and all(empty)}
        return {name: column for name, column in self.columns.items() if group_of(name) not in off}

    def to_pandas(self, pandas):
        columns = {name: pandas_series(pandas, column) for name, column in self.shown().items()}
        return pandas.DataFrame(columns, index=pandas.RangeIndex(self.rows))

    def to_polars(self, polars):
        return polars.DataFrame([polars_series(polars, name, column) for name, column in self.shown().items()])


def pandas_series(pandas, column):
    """int64, float64, bool (Int64 and boolean where some are missing), str, datetime64[us, UTC]; lists as objects."""
    if column.kind == "integer" and not column.missing:
        return pandas.Series(column.values, dtype="int64")
    if column.kind == "boolean" and not column.missing:
        return pandas.Series(column.values, dtype="bool")
    string = "str" if int(pandas.__version__.split(".")[0]) >= 3 else "object"
    dtypes = {"integer": "Int64", "double": "float64", "boolean": "boolean", "string": string,
              "time": "datetime64[us, UTC]"}
    return pandas.Series(column.objects(), dtype=dtypes.get(column.kind, "object"))


def polars_type(polars, kind):
    if isinstance(kind, tuple):
        return polars.List(polars_type(polars, kind[1]))
    return {"integer": polars.Int64, "double": polars.Float64, "boolean": polars.Boolean, "string": polars.String,
            "time": polars.Datetime("us", "UTC")}.get(kind, polars.Object)


def polars_series(polars, name, column):
    plain = column.kind in ARRAY_CODES and not column.missing
    return polars.Series(name, column.values if plain else column.objects(), dtype=polars_type(polars, column.kind))
