"""Records as they are handed on: some at a time, with how their columns are laid out."""
from __future__ import annotations

from typing import TYPE_CHECKING, List, Tuple, Union

from .layout import Layout, Record

if TYPE_CHECKING:
    import polars

# A list of dictionaries, or the columns, if the reader was asked for them and could read so.
Rows = Union[List[Record], "polars.DataFrame"]
Part = Tuple[Layout, Rows]
