"""No isolation: a fresh process with limits, in a folder of its own. Runs anywhere.

Here for machines that offer nothing else, and as what the other levels are tested against.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trueup.goodhart.grade.box import Isolation, Launch
from trueup.goodhart.grade.boxes import folders, interpreter
from trueup.goodhart.grade.boxes.local import PATH, LocalBox, Prepared, environment, rlimits

__all__ = ["PlainBox", "Rewritten", "first_process", "staged"]


class PlainBox(LocalBox):
    """See the module."""

    isolation = Isolation.UNISOLATED

    def prepare(self, launch: Launch) -> Prepared:
        folder = self.new_folder()
        try:
            seen = staged(launch, folder, None)
        except BaseException:
            folders.remove(folder)
            raise
        # As root a limit on processes does not bind; for a user it would count all of his.
        orders = seen.orders() | {"limits": rlimits(launch.limits, None), "kill": "descendants"}
        return Prepared(
            command=first_process(self.lockdown),
            orders=orders,
            folder=folder,
            measured=True,
            counted=True,
        )


class Rewritten:
    """A launch whose paths are those of this machine.

    places: path inside to path here. shown: what the mounts show, here.
    """

    def __init__(self, launch: Launch, places: dict[str, Path], shown: tuple[Path, ...]) -> None:
        self.places = places
        self.shown = shown
        self._places = sorted(places.items(), key=lambda item: -len(item[0]))
        packages = os.pathsep.join(map(str, interpreter.packages()))
        named = {"{python}": str(interpreter.executable()), "{packages}": packages}
        self.work = str(places["/box"])
        self.command = [named.get(word, self._here(word)) for word in launch.command]
        found = environment(launch, "{packages}")
        self.environment = {k: named.get(v, self._here(v)) for k, v in found.items()}
        self.environment.setdefault("TMPDIR", str(places["/tmp"]))
        if "/" not in self.command[0]:
            self.command[0] = shutil.which(self.command[0], path=PATH) or self.command[0]

    def _here(self, word: str) -> str:
        for target, place in self._places:
            if word == target or word.startswith(f"{target}/"):
                return f"{place}{word[len(target) :]}"
        return word

    def orders(self) -> dict[str, object]:
        return {
            "command": self.command,
            "environment": self.environment,
            "folder": self.work,
            "copy": None,
            "own": [],
            "uid": None,
        }


def staged(launch: Launch, folder: Path, uid: int | None) -> Rewritten:
    """Put the mounts and the work folder below `folder`, owned by `uid`, and rewrite the paths.

    The mounts come first: the work folder may hold links where they go.
    """
    places = {"/box": folder / "box", "/tmp": folder / "tmp"}
    shown = []
    for place in places.values():
        place.mkdir()
    for number, mount in enumerate(launch.mounts):
        target = Path(mount.target)
        private = target.parts[1:2] in (("box",), ("tmp",))
        top = folder if private else folder / f"mount{number}"
        place = top / (target.relative_to("/") if private else target.name)
        if not mount.watched:
            folders.copy(mount.source, place, None)
        elif not folders.linked(mount.source, place):
            place = top = mount.source
        places[mount.target] = place
        shown.append(place if private else top)
    if launch.work is not None:
        folders.copy(launch.work, places["/box"], uid)
    if uid is not None:
        for name in ("/box", "/tmp"):
            os.chown(places[name], uid, uid)
    return Rewritten(launch, places, tuple(shown))


def first_process(script: Path) -> list[str]:
    """The first process of a box that starts without help."""
    return [str(interpreter.executable()), "-I", "-S", "-B", str(script)]
