"""From a JSON file to batches: one loop for every format whose records stand alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trueup.sources.exchange import BadRecordError, Exchange
from trueup.sources.json_records import RawRecord, lines, loads, values

if TYPE_CHECKING:
    from trueup.sources.batch import Batch, BatchBuilder
    from trueup.sources.files import ByteStream, Head

__all__ = ["add", "json_exchanges", "json_records"]

Convert = Callable[[Any], Iterable[Exchange]]


def json_exchanges(
    head: Head, stream: ByteStream, builder: BatchBuilder, convert: Convert
) -> Iterator[Batch]:
    """Convert every JSON record of a file; what cannot be converted is rejected."""
    for number, raw, problem in json_records(head, stream):
        if problem is None:
            try:
                value = loads(raw)
            except ValueError as error:
                builder.reject(number, str(error), raw)
            else:
                add(convert, value, number, raw, builder)
        else:
            builder.reject(number, problem, raw)
        if builder.full:
            builder.done = stream.position
            yield builder.flush()


def json_records(head: Head, stream: ByteStream) -> Iterator[RawRecord]:
    """The JSON records of a file, in whatever way it lays them out."""
    return values(stream) if head.layout == "values" else lines(stream)


# What a converter may run into in a record of a shape that it does not foresee.
_SURPRISES = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def add(convert: Convert, record: Any, line: int, raw: object, builder: BatchBuilder) -> None:
    """Add what a record converts to; one that cannot be converted is rejected, never raised."""
    try:
        for exchange in convert(record):
            try:
                builder.add(exchange, line)
            except BadRecordError as error:
                builder.reject(line, str(error), raw)
    except BadRecordError as error:
        builder.reject(line, str(error), raw)
    except _SURPRISES as error:
        reason = f"The record has a shape that could not be converted ({type(error).__name__})."
        builder.reject(line, reason, raw)
