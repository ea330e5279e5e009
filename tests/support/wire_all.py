"""Run inside an unpacked package: imports all modules, wires all that there is to be wired, and prints two lists with a bar
between them: the services of which clients were made, and what lies in the package and was not touched."""

import importlib
import pathlib
import pkgutil
import sys
from contextlib import contextmanager
from functools import cached_property

import botocore.session

import functions
from functions.settings import Settings

OTHER_PACKAGES = {"PIL", "puremagic", "cryptography"}
"""What the packages of the attachment function and of the api function have beside."""

made: set[str] = set()
create = botocore.session.Session.create_client


def remember(session, service, *args, **kwargs):
    made.add(service)
    return create(session, service, *args, **kwargs)


@contextmanager
def but_for_others():
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in OTHER_PACKAGES:
            raise


setattr(botocore.session.Session, create.__name__, remember)
wiring = importlib.import_module("functions.wiring").Wiring
wired = wiring(Settings.from_environ())
for module in pkgutil.walk_packages(functions.__path__, "functions."):
    if "__main__" not in module.name:
        with but_for_others():
            importlib.import_module(module.name)
for name, value in vars(wiring).items():
    if isinstance(value, cached_property | property):
        with but_for_others():
            getattr(wired, name)
importlib.import_module("openai").AsyncOpenAI(api_key="none")

task = pathlib.Path(functions.__file__).parents[1]
sources = ((name, getattr(module, "__file__", None) or "") for name, module in sys.modules.items())
used = {name.partition(".")[0] for name, source in sources if source.startswith(str(task))}
there = {path.name.partition(".")[0] for path in task.iterdir() if path.suffix != ".dist-info"} - {"__pycache__"}
print(*sorted(made), "|", *sorted(there - used))
