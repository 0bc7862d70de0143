"""From records to columns, and from those to the frames of pandas and polars."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Union

from .layout import Layout, group_of
from .parts import Part, Rows
from .records import RecordColumn

if TYPE_CHECKING:
    import pandas
    import polars

    from .series import SeriesColumn


def need(module: str, what: str, package: Optional[str] = None) -> Any:
    """The optional module, or an ImportError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{what} needs {module}; run: pip install '{package or module}'") from error


def has_polars() -> bool:
    try:
        import polars  # noqa: F401
    except ImportError:
        return False
    return True


def collect(parts: Callable[[bool], Iterator[Part]]) -> Table:
    """All records of some parts; by polars if it is installed."""
    table = Table(has_polars())
    for layout, rows in parts(table.by_polars):
        table.add(layout, rows)
    return table


class Table:
    """All records of some parts, by column, in the order in which the schemas name them."""

    def __init__(self, by_polars: bool) -> None:
        self.columns: Dict[str, Union[RecordColumn, SeriesColumn]] = {}
        self.rows, self.by_polars, self.empty_is_null = 0, by_polars, False
        self.name: Optional[str] = None

    def add(self, layout: Layout, rows: Rows) -> None:
        self.prepare(layout)
        values = values_by_column(layout, rows, self.by_polars)
        for name, column in self.columns.items():
            column.extend(values(name))
        self.rows += len(rows)

    def prepare(self, layout: Layout) -> None:
        """Makes room for the layout's columns."""
        if self.name not in (None, layout.name):
            raise ValueError(f"records of {self.name} and of {layout.name} don't fit one table; read them apart")
        self.name, self.empty_is_null = layout.name, layout.empty_is_null
        if self.by_polars and layout.plain_fields is None:
            self.leave_polars()
        for name, kind in layout.kinds.items():
            if name not in self.columns:
                self.columns[name] = self.new_column(kind)
            if self.columns[name].kind != kind:
                raise ValueError(f"column {name} has two types in these schemas; read them apart")

    def new_column(self, kind: Any) -> Union[RecordColumn, SeriesColumn]:
        if not self.by_polars:
            return RecordColumn(kind, self.rows)
        from .series import SeriesColumn
        return SeriesColumn(kind, self.rows)

    def leave_polars(self) -> None:
        """Goes on with columns that hold any kind of value."""
        self.by_polars = False
        for name, column in self.columns.items():
            self.columns[name] = RecordColumn(column.kind, 0)
            self.columns[name].extend(column.to_polars(name, False).to_list())

    def shown(self, all_columns: bool) -> List[str]:
        """The columns without those of groups that are off: without a value in any record."""
        groups: Dict[Optional[str], List[bool]] = {}
        for name, column in self.columns.items():
            groups.setdefault(group_of(name), []).append(column.is_empty())
        off = {group for group, empty in groups.items() if group and self.rows and not all_columns and all(empty)}
        return [name for name in self.columns if group_of(name) not in off]

    def to_pandas(self, all_columns: bool) -> pandas.DataFrame:
        import pandas
        columns = {name: self.columns[name].to_pandas(self.empty_is_null) for name in self.shown(all_columns)}
        return pandas.DataFrame(columns, index=pandas.RangeIndex(self.rows))

    def to_polars(self, all_columns: bool) -> polars.DataFrame:
        import polars
        return polars.DataFrame([self.columns[name].to_polars(name, self.empty_is_null) for name in self.shown(all_columns)])


def values_by_column(layout: Layout, rows: Rows, as_series: bool) -> Callable[[str], Any]:
    """From a column's name to its values in these rows: a list, or as polars has them."""
    if isinstance(rows, list):
        records = [layout.flat(record) for record in rows] if layout.nested else rows
        return lambda name: [record.get(name) for record in records]
    nothing = [None] * len(rows)
    there = set(rows.columns)
    return lambda name: nothing if name not in there else rows[name] if as_series else rows[name].to_list()
