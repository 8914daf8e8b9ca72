"""Linux' capabilities. Source: capabilities(7) of Linux 6."""

from __future__ import annotations

from typing import Annotated, Final

from models.api.specs_problems import FieldError, FieldProblem, FieldType, quoted
from sim.diagnostics import nearest_word

__all__ = ["CAPABILITIES", "Capability", "parse_capability"]

CAPABILITIES: Final = (
    "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
    "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
    "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
    "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG",
    "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE",
    "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
)  # fmt: skip
"""All of them, without ``CAP_``."""


def parse_capability(value: object) -> str:
    """Return a capability without ``CAP_``; ``cap_net_raw`` and ``NET_RAW`` are the same.

    Raises:
        FieldError: No capability of Linux; with the nearest one.
    """
    folded = value.upper().removeprefix("CAP_") if isinstance(value, str) else ""
    if folded in CAPABILITIES:
        return folded
    sentence = f"{quoted(value)} is not a capability of Linux: expected one as NET_RAW"
    raise FieldError(
        FieldProblem(sentence, hint=nearest_word(folded, CAPABILITIES), code="unknown-capability")
    )


Capability = Annotated[str, FieldType(parse_capability, None, {"enum": list(CAPABILITIES)})]
"""A field that holds one."""
