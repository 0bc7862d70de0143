"""Records on their way into a DataFrame."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Iterator, Union

from .layout import Record
from .parts import Part

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


class DecodeError(ValueError):
    """A file or message that is damaged or no flow record. What came before it has been handed out."""


class Flows:
    """Flow records of files or a topic. Each iteration reads anew; a record is a dictionary from column to value."""

    def __init__(self, parts: Callable[[bool], Iterator[Part]]) -> None:
        """`parts(columns)` gives pairs of a Layout and its records; no columns unless they are asked for. There may be none in a part."""
        self._parts = parts

    def __iter__(self) -> Iterator[Record]:
        for layout, records in self._parts(False):
            yield from map(layout.flat, records)  # type: ignore[arg-type]  # without columns they are dictionaries

    def to_pandas(self, *, all_columns: bool = False) -> pandas.DataFrame:
        """A pandas DataFrame. Groups of columns without any value are left out, those that were off; with all_columns=True they stay."""
        from . import frames
        frames.need("pandas", "to_pandas()")
        return frames.collect(self._parts).to_pandas(all_columns)

    def to_polars(self, *, all_columns: bool = False) -> polars.DataFrame:
        """A polars DataFrame with the same columns and values."""
        from . import frames
        frames.need("polars", "to_polars()")
        return frames.collect(self._parts).to_polars(all_columns)

    def to_arrow(self, *, all_columns: bool = True) -> pyarrow.Table:
        """An Arrow table with the same values, and with all columns, so that tables of several files fit each other."""
        from . import frames
        frames.need("pyarrow", "to_arrow()")
        return self.to_polars(all_columns=all_columns).to_arrow(compat_level=None)

    def to_parquet(self, path: Union[str, os.PathLike[str]], *, all_columns: bool = True) -> None:
        """Writes a Parquet file, compressed by zstd, with all columns, so that several files make one data set."""
        self.to_polars(all_columns=all_columns).write_parquet(os.fspath(path), compression="zstd")
