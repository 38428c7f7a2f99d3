"""What one process in the box may use."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """seconds: wall clock; processor seconds are held to one more. memory_mb: address space of each
    process. processes: threads count too. output_kb: of stdout, of stderr and of the answer, each.
    file_mb: the largest file, and what the work folder and /tmp hold, each on the strongest level
    and together on the others.
    """

    seconds: float = 2.0
    memory_mb: int = 512
    processes: int = 32
    output_kb: int = 1024
    file_mb: int = 16
