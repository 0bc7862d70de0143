"""A column from values of records that are dictionaries: slower than by polars, and for all that polars can't hold."""
from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Dict, List, Sequence, Union

from .dtypes import pandas_type, polars_type
from .layout import Kind

if TYPE_CHECKING:
    import pandas
    import polars

ARRAY_CODES = {"integer": "q", "double": "d"}
# A text column with more different values than this hardly repeats itself.
SHARED_MAX = 10000


class RecordColumn:
    """Values of one column. Numbers are kept as numbers, with 0 where there is none; texts that are equal are one object."""

    def __init__(self, kind: Kind, rows: int) -> None:
        self.kind = kind
        self.shared: Dict[Any, Any] = {}
        self.is_array = isinstance(kind, str) and kind in ARRAY_CODES
        self.values: Union[List[Any], array[Any]] = array(ARRAY_CODES[str(kind)]) if self.is_array else []
        self.missing = bytearray()  # 1 for each row without a value; shorter than the column if its last rows have one
        self.extend([None] * rows)

    def extend(self, values: Sequence[Any]) -> None:
        if None in values:
            self.missing.extend(bytes(len(self.values) - len(self.missing)))
            self.missing.extend(value is None for value in values)
            if self.is_array:
                values = [0 if value is None else value for value in values]
        if self.kind == "string" and len(self.shared) < SHARED_MAX:
            values = [self.shared.setdefault(value, value) for value in values]
        self.values.extend(values)

    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return self.missing.count(1) == len(self.values)

    def objects(self, empty_is_null: bool) -> Sequence[Any]:
        """The values with None where there is none; numbers of which none is missing as they are kept."""
        if self.is_array and not self.missing:
            return self.values
        if empty_is_null and self.kind == "string":
            return [value or None for value in self.values]
        values = list(self.values)
        for place, missing in enumerate(self.missing):
            if missing:
                values[place] = None
        return values

    def to_pandas(self, empty_is_null: bool) -> pandas.Series[Any]:
        import pandas
        values: Any = self.objects(empty_is_null)
        return pandas.Series(values, dtype=pandas_type(self.kind, bool(self.missing)))

    def to_polars(self, name: str, empty_is_null: bool) -> polars.Series:
        import polars
        return polars.Series(name, self.objects(empty_is_null), dtype=polars_type(self.kind))
