"""The platforms' stand-ins: strict, scriptable, on one local port.

Why: a delivery is only proven against somebody who can say no. Each platform file here was written from the
vendor's documents alone, so that a misreading in an adapter meets a second opinion instead of its own echo.
Never enters: an import from the rest of the gateway, an adapter's idea of a platform, a call to the internet.
"""

from gateway.sandbox.app import Sandbox, running, sandbox_app
from gateway.sandbox.terms import Terms

__all__ = ["Sandbox", "Terms", "running", "sandbox_app"]
