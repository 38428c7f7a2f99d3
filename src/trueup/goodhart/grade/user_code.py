"""Code that belongs to a task and runs in this process: checks, makers of cases.

It is the task author's, who is trusted; nothing of a submission's is ever loaded here.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from trueup.errors import UserError, did_you_mean

__all__ = ["load_object"]


def load_object(path: Path, name: str, key: str) -> Any:
    """The object `name` of the Python file. key: what in the task named it, for messages.

    Modules beside the file can be imported while it is loaded. Raises `UserError` when the file
    cannot be read or run, or does not define the name.
    """
    if not path.is_file():
        raise UserError(f"{key}: there is no file {path}.", "Give a path relative to the task.")
    spec = importlib.util.spec_from_file_location(f"_trueup_task_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{key}: {path} is not a Python file.", "Name a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{key}: {path} needs {error.name}, which is not installed here.",
            f"Install it: pip install {error.name}",
        ) from error
    except Exception as error:
        raise UserError(
            f"{key}: {path} fails to load: {type(error).__name__}: {error}", "Mend the file."
        ) from error
    finally:
        sys.path.remove(folder)
    if not hasattr(module, name):
        public = [known for known in vars(module) if not known.startswith("_")]
        raise UserError(f"{key}: {path} does not define {name}.", did_you_mean(name, public))
    return getattr(module, name)
