"""Records as a matrix for training and for scoring, by the same rules in both."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Sequence, Tuple, Union

from .frames import need
from .layout import Record, group_of

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars
    from numpy.typing import NDArray

    Frame = Union[pandas.DataFrame, polars.DataFrame, Sequence[Record]]

PADDING = -1.0


def feature_names(names: Sequence[str], splt: int = 20) -> List[str]:
    """What the columns of features() are, in order: a name, or splt_ps[0], splt_ps[1], ... for an SPLT column."""
    if splt < 0:
        raise ValueError(f"feature_names(): splt is {splt}, and no list has fewer than 0 elements")
    return [column for name in listed(names, "feature_names") for column in ([f"{name}[{place}]" for place in range(splt)] if is_splt(name) else [name])]


def features(frame: Frame, names: Sequence[str], splt: int = 20) -> NDArray[numpy.float32]:
    """A float32 matrix with a row for each record of a pandas or polars DataFrame, or of a list of dictionaries.

    names  the columns, in the order in which they are wanted; integers, reals and booleans (0 and 1)
    splt   the width of each SPLT column (splt_direction, splt_ps, ...): its first elements; where there are fewer, -1 follows

    What is missing is NaN, in SPLT columns in all places; so is a column that only other records of the list have. Only `names` and `splt` decide what stands where, never the values.
    Text, times and other lists raise TypeError: encode them first. Columns that the frame lacks raise ValueError.
    Integers above 2**24 are rounded, as float32 has them.
    """
    need("numpy", "features()")
    import numpy
    names = listed(names, "features")
    column = columns_of(frame, names)
    matrix = numpy.empty((len(frame), len(feature_names(names, splt))), dtype=numpy.float32)
    place = 0
    for name in names:
        width = splt if is_splt(name) else 1
        matrix[:, place:place + width] = padded(name, column(name), splt) if is_splt(name) else numbers(name, column(name))[:, None]
        place += width
    return matrix


def listed(names: Iterable[str], function: str) -> List[str]:
    """The names as a list, which may come from an iterator. A set would give another matrix in another process."""
    if isinstance(names, (str, set, frozenset)):
        raise TypeError(f"{function}(): names is a list of columns, not {'one text' if isinstance(names, str) else 'a set, which has no order'}")
    made = list(names)
    if other := [name for name in made if not isinstance(name, str)]:
        raise TypeError(f"{function}(): names has {other[0]!r}, which is no name")
    if not made:
        raise ValueError(f"{function}(): names is empty; name the columns")
    return made


def has_columns(frame: Any, function: str) -> bool:
    """Whether it is a DataFrame, else it is a list of dictionaries."""
    if isinstance(frame, (list, tuple)):
        return False
    if not (hasattr(frame, "__len__") and hasattr(frame, "columns")) or library(frame) == "pyarrow":
        raise TypeError(f"{function}(): frame is {type(frame).__name__}, neither a DataFrame of pandas or polars nor a list of dictionaries")
    return True


def is_splt(name: str) -> bool:
    return group_of(name) in ("splt", "splt_more")


def columns_of(frame: Any, names: Sequence[str]) -> Any:
    """From a name to the frame's column, all of which it must have; of a list of records at least one of them."""
    is_table = has_columns(frame, "features")
    there = set(frame.columns) if is_table else {name for name in names if not frame or any(name in record for record in frame)}
    if absent := [name for name in names if name not in there]:
        raise ValueError(f"features(): no column {', '.join(absent)}; groups without any value have none unless the frame is made "
                         "with all_columns=True")
    if is_table:
        return frame.__getitem__
    return lambda name: [record.get(name) for record in frame]


def refused(name: str, what: Any) -> TypeError:
    return TypeError(f"features(): column {name} has {what}, which is no number; encode it first, or leave it out")


def library(column: Any) -> str:
    return type(column).__module__.partition(".")[0]


def numbers(name: str, column: Any) -> NDArray[numpy.float64]:
    """A column's values with NaN where one is missing."""
    import numpy
    if library(column) == "polars":
        if not (column.dtype.is_numeric() or str(column.dtype) == "Boolean"):
            raise refused(name, column.dtype)
        return numpy.asarray(column.cast(type(column)([0.0]).dtype).to_numpy())
    if library(column) == "pandas":
        import pandas
        if not pandas.api.types.is_numeric_dtype(column.dtype):
            raise refused(name, column.dtype)
        return numpy.asarray(column.to_numpy(dtype="float64", na_value=numpy.nan))
    for value in column:
        if value is not None and not isinstance(value, (bool, int, float)):
            raise refused(name, type(value).__name__)
    return numpy.array([numpy.nan if value is None else value for value in column], dtype=numpy.float64)


def padded(name: str, column: Any, splt: int) -> NDArray[numpy.float64]:
    """A row of `splt` values for each list."""
    import numpy
    lengths, values = lists_of_polars(name, column, splt) if library(column) == "polars" else lists_of_objects(name, column, splt)
    matrix = numpy.full((len(column), splt), PADDING)
    matrix[numpy.arange(splt) < lengths[:, None]] = values
    matrix[lengths < 0] = numpy.nan
    return matrix


def lists_of_polars(name: str, column: Any, splt: int) -> Tuple[NDArray[numpy.int64], NDArray[numpy.float64]]:
    """The lengths of the lists' first `splt` elements, -1 for a missing list, and all these elements."""
    import numpy
    if not hasattr(column.dtype, "inner"):
        raise refused(name, column.dtype)
    heads = column.list.head(splt)
    lengths = heads.list.len().cast(int).fill_null(-1).to_numpy()
    return numpy.asarray(lengths), numbers(name, heads.filter(lengths > 0).explode())


def lists_of_objects(name: str, column: Any, splt: int) -> Tuple[NDArray[numpy.int64], NDArray[numpy.float64]]:
    """The same of lists and None, or NaN, as pandas has it. Arrays are what pandas reads lists of Parquet as."""
    import numpy
    if library(column) == "pandas":
        column = column.astype(object).where(column.notna(), None)
    lengths: List[int] = []
    elements: List[Any] = []
    for values in column:
        if isinstance(values, numpy.ndarray):
            values = values.tolist()
        if isinstance(values, (list, tuple)):
            elements += values[:splt]
            lengths.append(min(len(values), splt))
        elif values is None or values != values:
            lengths.append(-1)
        else:
            raise refused(name, type(values).__name__)
    return numpy.array(lengths, dtype=numpy.int64), numbers(name, elements)
