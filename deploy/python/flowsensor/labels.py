"""Labels of flows, from a table that somebody else made."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, TypeVar, Union

if TYPE_CHECKING:
    import pandas
    import polars

Frame = TypeVar("Frame", "pandas.DataFrame", "polars.DataFrame")
On = Union[str, Sequence[str], Mapping[str, str]]


def label(frame: Frame, table: Frame, *, on: On) -> Frame:
    """The frame with the other columns of `table`, from the row whose values in `on` are the same.

    on  a column, several, or a mapping from the frame's columns to the table's where their names differ

    Rows of the frame without such a row stay, with null; so do those that have no value in `on`. Order and index stay too.
    ValueError: a row of the frame fits several rows of the table; a column of the table is in the frame already; a column is
    absent; or the two sides of `on` have types of which one isn't the other's exact value.
    Both are pandas or both polars. In pandas integers and booleans of the table become Int64 and boolean, which can be missing.
    """
    keys = dict(on) if isinstance(on, Mapping) else {name: name for name in ([on] if isinstance(on, str) else on)}
    if not keys:
        raise ValueError("label(): on= needs a column")
    kinds = {type(side).__module__.partition(".")[0] for side in (frame, table)}
    if kinds not in ({"pandas"}, {"polars"}):
        raise TypeError("label(): frame and table must both be pandas' or both polars' DataFrames")
    check_names(list(frame.columns), list(table.columns), keys)
    own = list(keys)
    renamed = {theirs: ours for ours, theirs in keys.items()}
    made: Any = with_pandas if kinds == {"pandas"} else with_polars
    joined: Frame = made(frame, table, own, renamed)
    return joined


def check_names(ours: List[str], theirs: List[str], keys: Mapping[str, str]) -> None:
    for side, names, there in (("frame", keys.keys(), ours), ("table", keys.values(), theirs)):
        if absent := [name for name in names if name not in there]:
            raise ValueError(f"label(): the {side} has no column {', '.join(absent)}")
    twice = [name for name in theirs if name in ours and name not in keys.values()]
    if twice:
        raise ValueError(f"label(): both have a column {', '.join(twice)}; rename it in the table")
    if len(set(keys.values())) < len(keys):
        raise ValueError("label(): on= names a column of the table twice")


def ambiguous(rows: int, example: Any) -> ValueError:
    return ValueError(f"label(): {rows} rows fit several rows of the table, such as {example}; make them one, or give more columns in on=")


def unlike(name: str, ours: Any, theirs: Any) -> ValueError:
    return ValueError(f"label(): column {name} is {ours} in the frame and {theirs} in the table, and not all values can be the same; convert one")


def with_polars(frame: polars.DataFrame, table: polars.DataFrame, own: List[str], renamed: Mapping[str, str]) -> polars.DataFrame:
    table = table.rename(renamed).drop_nulls(own)
    for name in own:
        table = table.with_columns(as_ours_in_polars(name, table[name], frame[name].dtype))
    double = table.filter(table.select(own).is_duplicated())
    if (hit := frame.join(double, on=own, how="semi")).height:
        raise ambiguous(hit.height, hit.select(own).row(0, named=True))
    return frame.join(table.unique(own, keep="first"), on=own, how="left", maintain_order="left")


def as_ours_in_polars(name: str, theirs: polars.Series, dtype: Any) -> polars.Series:
    import polars
    try:
        ours = theirs.cast(dtype)
        if (ours.cast(theirs.dtype) == theirs).all():
            return ours
    except polars.exceptions.PolarsError:
        pass
    raise unlike(name, dtype, theirs.dtype)


def with_pandas(frame: pandas.DataFrame, table: pandas.DataFrame, own: List[str], renamed: Mapping[str, str]) -> pandas.DataFrame:
    table = table.rename(columns=renamed).dropna(subset=own)
    for name in table.columns:
        if name in own:
            table[name] = as_ours_in_pandas(name, table[name], frame[name].dtype)
        elif table[name].dtype.kind in "iub":
            table[name] = table[name].astype("boolean" if table[name].dtype.kind == "b" else "Int64")
    double = table.loc[table.duplicated(own, keep=False), own].drop_duplicates()
    if len(hit := frame[own].merge(double, on=own, how="inner")):
        raise ambiguous(len(hit), hit.iloc[0].to_dict())
    joined = frame.merge(table.drop_duplicates(own), on=own, how="left")
    joined.index = frame.index
    return joined


def as_ours_in_pandas(name: str, theirs: pandas.Series[Any], dtype: Any) -> pandas.Series[Any]:
    try:
        ours = theirs.astype(dtype)
        if bool((ours.astype(theirs.dtype) == theirs).all()):
            return ours
    except (TypeError, ValueError):
        pass
    raise unlike(name, dtype, theirs.dtype)
