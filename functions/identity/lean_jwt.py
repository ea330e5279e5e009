"""PyJWT without `cryptography`.

PyJWT imports that library where it is installed, for algorithms of which a client token uses none: a hundred milliseconds
and more at each cold start of the chat function. While PyJWT is imported here, it is therefore not to be found. What
checks others' tokens (`oidc_signatures`) brings those algorithms itself.
"""

import sys

_HIDDEN = "cryptography"
_is_hidden = _HIDDEN not in sys.modules
if _is_hidden:
    # https://docs.python.org/3/reference/import.html#the-module-cache: None makes its import a ModuleNotFoundError.
    sys.modules[_HIDDEN] = None  # pyright: ignore[reportArgumentType]
try:
    import jwt
    from jwt.algorithms import Algorithm
finally:
    if _is_hidden:
        del sys.modules[_HIDDEN]

__all__ = ["Algorithm", "jwt"]
