"""The dtypes that columns have in pandas and polars, by their kinds."""
from __future__ import annotations

from typing import Any

from .layout import Kind


def polars_type(kind: Kind) -> Any:
    import polars
    if isinstance(kind, tuple):
        return polars.List(polars_type(kind[1]))
    return {"integer": polars.Int64, "double": polars.Float64, "boolean": polars.Boolean, "string": polars.String,
            "time": polars.Datetime("us", "UTC")}.get(kind, polars.Object)


def pandas_type(kind: Kind, has_missing: bool) -> str:
    """int64, float64, bool (Int64 and boolean where some are missing), str, datetime64[us, UTC]; lists as objects."""
    import pandas
    if isinstance(kind, tuple):
        return "object"
    string = "str" if int(pandas.__version__.split(".")[0]) >= 3 else "object"
    integer, boolean = ("Int64", "boolean") if has_missing else ("int64", "bool")
    return {"integer": integer, "double": "float64", "boolean": boolean, "string": string,
            "time": "datetime64[us, UTC]"}.get(kind, "object")
