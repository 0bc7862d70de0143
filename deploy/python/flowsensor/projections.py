"""The columns of other tools' data sets, made of frames of `flow_full/v1`, or by DuckDB of a table of it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Set, TypeVar

from .frames import need
from .projection_tables import BACKWARD, BOTH, FORWARD, PPI_LENGTH, PROJECTIONS, NO_NUMBER, Column, Projection

if TYPE_CHECKING:
    import pandas
    import polars

Frame = TypeVar("Frame", "pandas.DataFrame", "polars.DataFrame")
TIMES = [f"{direction}_{which}_seen" for direction in (BOTH, FORWARD, BACKWARD) for which in ("first", "last")]
SPLT = ["splt_payload_ps", "splt_piat_us", "splt_direction", "splt_tcp_flags", "splt_duplicate"]
BURSTS = {"sbi": f"{FORWARD}_burst", "dbi": f"{BACKWARD}_burst"}
BURST_FIELDS = [f"{burst}_{name}_us" for burst in BURSTS.values() for name in ("start", "duration")]
FIRST = f"{BOTH}_first_seen"
# What stands in the expressions beside the record's columns, and of which of these it is made.
MADE = {"timestamp": [FIRST], **{f"{burst}_{end}": [FIRST, *(f"{ours}_{name}_us" for name in ("start", "duration"))]
                                 for burst, ours in BURSTS.items() for end in ("start", "stop")},
        **{f"ppi_{name}": [FIRST, *SPLT] for name in ("size", "ipt", "dir", "push", "lengths", "times", "flags", "directions", "len", "duration", "changes")}}


def project(frame: Frame, name: str, *, emitted: bool = False) -> Frame:
    """The columns of a data set, a row for each record: `nf_v3` (NetFlow v3 of the University of Queensland), `cesnet` (CESNET DataZoo, ipfixprobe),
    `cicflowmeter` (the Java program) or `cicflowmeter_python` (the package of PyPI).

    frame    records of flow_full/v1, of pandas or polars, made with all_columns=True
    emitted  what the tool itself writes where that isn't what the column's name promises; null where the record doesn't have it

    deploy/projections.md says for each column how it is made, and whether it is exact. ValueError: another name, or a column is absent.
    """
    chosen = projection(name)
    return evaluated(frame, chosen, {column.name: expression_of(column, emitted) for column in chosen.columns})


def evaluated(frame: Frame, chosen: Projection, texts: Dict[str, str]) -> Frame:
    """These expressions of a projection as columns."""
    need("polars", "project()")
    import polars
    table: Any = frame if isinstance(frame, polars.DataFrame) else polars.from_pandas(frame)
    expressions = {name: polars.sql_expr(text) for name, text in texts.items()}
    wanted = {root for expression in expressions.values() for root in expression.meta.root_names()}
    if absent := sorted(set(sources(wanted)) - set(table.columns)):
        raise ValueError(f"project(): no column {', '.join(absent)}; it takes records of flow_full/v1, made with all_columns=True")
    table = prepared(table.select(sorted(set(sources(wanted)))), chosen, wanted)
    made: Any = table.select(expression.alias(column) for column, expression in expressions.items())
    projected: Frame = made if isinstance(frame, polars.DataFrame) else made.to_pandas()
    return projected


def projection(name: str) -> Projection:
    if name not in PROJECTIONS:
        raise ValueError(f"no projection {name!r}; there are {', '.join(PROJECTIONS)}")
    return PROJECTIONS[name]


def expression_of(column: Column, emitted: bool) -> str:
    if not emitted or column.emits is None:
        return column.expression
    return column.emits or NO_NUMBER


def sources(names: Iterable[str]) -> List[str]:
    """The record's columns that these are made of."""
    return [source for name in names for source in MADE.get(name, [name])]


def prepared(table: polars.DataFrame, chosen: Projection, wanted: Set[str]) -> polars.DataFrame:
    """Times as microseconds, and what MADE has."""
    import polars
    table = table.with_columns(polars.col(name).dt.epoch("us") for name in TIMES if name in table.columns and table[name].dtype.is_temporal())
    table = table.with_columns(polars.sql_expr(expression).alias(name) for name, expression in chosen.inputs.items() if name in table.columns)
    if "timestamp" in wanted:
        table = table.with_columns(timestamp=polars.from_epoch(polars.col(FIRST), time_unit="us").dt.strftime(chosen.timestamp))
    if any(name.split("_")[0] in BURSTS for name in wanted):
        table = with_bursts(table)
    if any(name.startswith("ppi_") for name in wanted):
        table = with_ppi(table)
    return table


def with_bursts(table: polars.DataFrame) -> polars.DataFrame:
    import polars
    first = polars.col(FIRST)
    for burst, ours in BURSTS.items():
        start, duration = (polars.col(f"{ours}_{name}_us").cast(polars.List(polars.Int64)) for name in ("start", "duration"))
        table = table.with_columns(((start + first) // 1000).alias(f"{burst}_start"), ((start + duration + first) // 1000).alias(f"{burst}_stop"))
    return table


def with_ppi(table: polars.DataFrame) -> polars.DataFrame:
    """The first packets with payload that are no duplicates, of the SPLT: lists as they are, and filled up with zeros."""
    import polars
    col, row = polars.col, "ppi_row"
    table = table.with_row_index(row)
    each = table.filter(col(SPLT[0]).list.len() > 0).select(row, FIRST, *SPLT).explode(SPLT)
    each = each.with_columns(us=col(FIRST) + col("splt_piat_us").cum_sum().over(row)).filter(col("splt_payload_ps") > 0, col("splt_duplicate") == 0)
    each = each.with_columns(kept=polars.int_range(polars.len()).over(row)).filter(col("kept") < PPI_LENGTH)
    each = each.with_columns(time=col("us") // 1000, way=1 - 2 * col("splt_direction").cast(polars.Int64))
    each = each.with_columns(gap=col("time").diff().over(row).fill_null(0), turn=(col("way").diff().over(row).fill_null(0) != 0).cast(polars.Int64))
    lists = {"lengths": col("splt_payload_ps"), "times": col("time"), "flags": col("splt_tcp_flags"), "directions": col("way"),
             "gaps": col("gap"), "pushes": col("splt_tcp_flags") // 8 % 2}
    made = each.group_by(row, maintain_order=True).agg(
        *(value.cast(polars.Int64).alias(f"ppi_{name}") for name, value in lists.items()),
        ppi_len=polars.len().cast(polars.Int64), ppi_duration=(col("us").last() - col("us").first()) / 1e6, ppi_changes=col("turn").sum())
    table = table.join(made, on=row, how="left", maintain_order="left")
    has_splt = col(SPLT[0]).is_not_null()
    nothing: Dict[str, Any] = {f"ppi_{name}": polars.lit([], dtype=polars.List(polars.Int64)) for name in lists}
    nothing |= {"ppi_len": polars.lit(0), "ppi_duration": polars.lit(0.0), "ppi_changes": polars.lit(0)}
    table = table.with_columns(polars.when(has_splt).then(polars.coalesce(col(name), other)).alias(name) for name, other in nothing.items())
    zeros = polars.lit([0] * PPI_LENGTH, dtype=polars.List(polars.Int64))
    padded = {"size": "lengths", "ipt": "gaps", "dir": "directions", "push": "pushes"}
    return table.with_columns(polars.when(has_splt).then(polars.concat_list(f"ppi_{other}", zeros).list.head(PPI_LENGTH)).alias(f"ppi_{name}")
                              for name, other in padded.items())


def projection_sql(name: str, table: str = "flows", *, emitted: bool = False) -> str:
    """The same as project() as a query for DuckDB, of a table with the columns of flow_full/v1, times as TIMESTAMP."""
    chosen = projection(name)
    # Levels of a query, from the inside: each sees what the one before it has made.
    levels = [[f"* REPLACE ({', '.join(f'epoch_us({time}) AS {time}' for time in TIMES)})"]]
    if chosen.inputs:
        levels.append([f"* REPLACE ({', '.join(f'{expression} AS {column}' for column, expression in chosen.inputs.items())})"])
    if chosen.timestamp:
        levels.append(["*", f"strftime(make_timestamp({FIRST}), '{chosen.timestamp}') AS timestamp"])
    if name == "cesnet":
        levels += ppi_levels()
    query = table
    for number, level in enumerate([*levels, [f'{expression_of(column, emitted)} AS "{column.name}"' for column in chosen.columns]]):
        source = query if number == 0 else "(\n" + query + "\n)"
        query = "SELECT " + ",\n    ".join(level) + f"\nFROM {source}"
    return query + "\n"


def ppi_levels() -> List[List[str]]:
    kept = "[k for k in range(1, len(splt_payload_ps) + 1) if splt_payload_ps[k] > 0 and splt_duplicate[k] = 0]"
    bursts = []
    for burst, ours in BURSTS.items():
        place, start = f"range(1, len({ours}_start_us) + 1)", f"{FIRST} + {ours}_start_us[k]"
        bursts += [f"[({start}) // 1000 for k in {place}] AS {burst}_start", f"[({start} + {ours}_duration_us[k]) // 1000 for k in {place}] AS {burst}_stop"]
    values = {"lengths": "splt_payload_ps[k]", "flags": "splt_tcp_flags[k]", "directions": "1 - 2 * splt_direction[k]", "pushes": "splt_tcp_flags[k] // 8 % 2",
              "us": f"{FIRST} + list_sum(splt_piat_us[1:k])"}
    later = "range(2, len(kept) + 1)"
    padded = {"size": "ppi_lengths", "ipt": "ppi_gaps", "dir": "ppi_directions", "push": "ppi_pushes"}
    return [["*", f"({kept})[1:{PPI_LENGTH}] AS kept", *bursts],
            ["*", "len(kept) AS ppi_len", *(f"[{value} for k in kept] AS ppi_{name}" for name, value in values.items())],
            ["*", "[us // 1000 for us in ppi_us] AS ppi_times", "COALESCE((ppi_us[-1] - ppi_us[1]) / 1e6, 0 * len(kept)) AS ppi_duration",
             f"len([k for k in {later} if ppi_directions[k] <> ppi_directions[k - 1]]) AS ppi_changes"],
            ["*", f"list_concat([0 for k in kept[1:1]], [ppi_times[k] - ppi_times[k - 1] for k in {later}]) AS ppi_gaps"],
            ["*", *(f"list_resize({other}, {PPI_LENGTH}, 0) AS ppi_{name}" for name, other in padded.items())]]
