"""How far the order of records is from that of their times."""


def behind_later_ones(times):
    """How many a watermark of the latest time would make late; `times` are in the order of their coming."""
    newest = late = 0
    for time in times:
        late += time < newest
        newest = max(newest, time)
    return late
