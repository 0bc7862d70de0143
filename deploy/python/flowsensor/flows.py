"""Records on their way into a DataFrame."""
from . import frames


class DecodeError(ValueError):
    """A file or message that is damaged or no flow record. What came before it has been handed out."""


class Flows:
    """Flow records of files or a topic. Each iteration reads anew; a record is a dictionary from column to value."""

    def __init__(self, batches):
        """`batches()` gives pairs of a Layout and a list of its records; the list may be empty."""
        self._batches = batches

    def __iter__(self):
        for layout, records in self._batches():
            yield from map(layout.flat, records)

    def to_pandas(self):
        """A pandas DataFrame. Groups of columns without any value are left out: those that were off."""
        pandas = frames.need("pandas", "to_pandas()")
        return frames.Table(self._batches()).to_pandas(pandas)

    def to_polars(self):
        """A polars DataFrame with the same columns and values."""
        polars = frames.need("polars", "to_polars()")
        return frames.Table(self._batches()).to_polars(polars)
