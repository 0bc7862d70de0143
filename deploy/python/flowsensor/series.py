"""A column from columns that polars read."""
from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, List, Sequence, Union

import polars

from .dtypes import pandas_type, polars_type
from .layout import Kind

if TYPE_CHECKING:
    import numpy
    import pandas
    from numpy.typing import NDArray

# A text column with more different values than this hardly repeats itself.
SHARED_MAX = 10000


class SeriesColumn:
    """Values of one column. Rows without any value are only counted; texts that are all equal are kept once."""

    def __init__(self, kind: Kind, rows: int) -> None:
        self.kind, self.dtype = kind, polars_type(kind)
        self.pieces: List[Union[polars.Series, int]] = []
        self.extend_null(rows)

    def extend_null(self, rows: int) -> None:
        if rows:
            self.pieces.append(rows)

    def extend(self, values: Sequence[Any]) -> None:
        """By values that a list has, or a Series of polars."""
        piece = values if isinstance(values, polars.Series) else polars.Series(values=values, dtype=self.dtype)
        if piece.null_count() == piece.len():
            self.extend_null(piece.len())
        else:
            self.pieces.append(once(piece.cast(self.dtype)))

    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return all(isinstance(piece, int) for piece in self.pieces)

    def to_polars(self, name: str, empty_is_null: bool) -> polars.Series:
        """The column; it is empty afterwards, so that its values are not held twice."""
        pieces, self.pieces = self.pieces, []
        nothing = polars.Series(name, [], dtype=self.dtype)
        column = polars.concat([nothing, *(nothing.extend_constant(None, piece) if isinstance(piece, int) else piece.alias(name)
                                           for piece in pieces)], rechunk=True)
        return column.set(column == "", None) if empty_is_null and self.kind == "string" else column

    def to_pandas(self, empty_is_null: bool) -> pandas.Series[Any]:
        """The column; it is empty afterwards."""
        import pandas
        column = self.to_polars("", empty_is_null)
        has_missing = column.null_count() > 0
        dtype = pandas_type(self.kind, has_missing)
        if dtype in ("Int64", "boolean"):
            made: Any = pandas.arrays.IntegerArray if dtype == "Int64" else pandas.arrays.BooleanArray
            values = column.fill_null(0 if dtype == "Int64" else False).to_numpy(writable=True)
            return pandas.Series(made(values, column.is_null().to_numpy(writable=True)))
        if self.kind == "time":
            return pandas.Series(column.dt.replace_time_zone(None).to_numpy(writable=True)).dt.tz_localize("UTC")
        if self.kind == "string":
            texts: Any = pandas.array(column.to_arrow(), dtype=dtype) if dtype == "str" and has_arrow() else shared_texts(column)
            return pandas.Series(texts, dtype=dtype)
        if isinstance(self.kind, tuple):
            return pandas.Series(lists(column), dtype=dtype)
        return pandas.Series(column.to_numpy(writable=True), dtype=dtype)


def once(piece: polars.Series) -> polars.Series:
    """The piece; if all its values are one text, that stands in memory once."""
    if piece.dtype == polars.String and piece.null_count() == 0 and (piece == piece[0]).all():
        return piece.new_from_index(0, piece.len())
    return piece


def has_arrow() -> bool:
    """Whether pandas keeps its texts in Arrow's arrays."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


def lists(column: polars.Series) -> List[Any]:
    """Python's lists. While they are made, the collector would look through all of them again and again: four fifths of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return column.to_list()
    finally:
        if was_enabled:
            gc.enable()


def shared_texts(column: polars.Series) -> NDArray[numpy.object_]:
    """Python's texts, of which equal ones are one object, and None where there is none."""
    import numpy
    different = column.unique(maintain_order=True)
    values = numpy.empty(column.len(), dtype=object)
    if different.len() > SHARED_MAX:
        values[:] = column.to_list()
        return values
    places = polars.DataFrame({"value": column}).join(
        polars.DataFrame({"value": different}).with_row_index("place"), on="value", how="left", nulls_equal=True, maintain_order="left")
    objects: NDArray[numpy.object_] = numpy.array([*different.to_list(), None], dtype=object)[:-1]
    taken: NDArray[numpy.object_] = objects[places["place"].to_numpy()]
    return taken
