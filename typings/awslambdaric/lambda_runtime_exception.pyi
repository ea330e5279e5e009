from typing import Final

class FaultException(Exception):
    MARSHAL_ERROR: Final = "Runtime.MarshalError"
    msg: str
    exception_type: str
    trace: list[str] | None
    def __init__(self, exception_type: str, msg: str, trace: list[str] | None = None) -> None: ...
