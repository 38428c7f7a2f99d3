"""Members of a zip file, also those that are compressed with Zstandard."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from trueup.errors import UserError
from trueup.sources.files import MAX_RECORD

__all__ = ["ZipMembers"]

_ZSTANDARD = (20, 93)
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")


class ZipMembers:
    """Names and contents of a zip file's members. Raises `UserError` when it is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                # A member written again comes later in the directory and replaces the first.
                self._members = {member.filename: member for member in archive.infolist()}
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise UserError(
                f"{path} is not a readable zip file: {error}.",
                "Copy it again, or export the log anew; a zip that was cut short has no directory.",
            ) from error

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """Contents of one member. Raises `ValueError` with a sentence when it is damaged."""
        member = self._members[name]
        if member.file_size > MAX_RECORD:
            raise ValueError(f"it is longer than {MAX_RECORD // 1_000_000} MB.")
        try:
            if member.compress_type in _ZSTANDARD:
                return self._read_zstandard(member)
            with zipfile.ZipFile(self._path) as archive:
                return archive.read(name)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{error}.") from error
        except Exception as error:  # zlib.error, ZstdError: each library has its own class
            raise ValueError(f"its data is damaged: {error}.") from error

    def _read_zstandard(self, member: zipfile.ZipInfo) -> bytes:
        """Python's zipfile reads the directory of such a file, but not its members."""
        import zlib

        import zstandard

        with self._path.open("rb") as file:
            file.seek(member.header_offset)
            header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            name_length, extra_length = header[-2:]
            file.seek(name_length + extra_length, 1)
            packed = file.read(member.compress_size)
        data = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
        if zlib.crc32(data) != member.CRC:
            raise ValueError("its checksum does not match")
        return data
