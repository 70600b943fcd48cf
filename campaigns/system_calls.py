"""Killing a process at one of its system calls, before the kernel does it or behind it: ptrace, of Linux on x86-64.

Counted are the calls that change something that outlives the process: files, folders, locks and what is synced. What
only reads leaves nothing that the call before it did not leave.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable

_TRACE_ME, _SYSCALL, _GET_REGISTERS, _SET_OPTIONS = 0, 24, 12, 0x4200
_TELL_CALLS, _KILL_WITH_TRACER = 0x1, 0x100000
_STOPPED_AT_CALL = signal.SIGTRAP | 0x80
# Where the number of the call is among the 27 registers that PTRACE_GETREGS gives.
_REGISTERS, _NUMBER = 27, 15
_CALLS = {
    1: "write", 3: "close", 18: "pwrite64", 20: "writev", 72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync",
    76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink",
    90: "chmod", 91: "fchmod", 257: "openat", 258: "mkdirat", 263: "unlinkat", 264: "renameat", 265: "linkat",
    280: "utimensat", 285: "fallocate", 296: "pwritev", 316: "renameat2",
}  # fmt: skip


def is_possible() -> bool:
    """Whether this machine is one that processes can be killed on in this way."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def killed_at(at: int, prepare: Callable[[], Callable[[], None]]) -> tuple[str, bool]:
    """Do an operation in a child process that is killed at its stop `at`, from 1; two stops are one system call.

    `prepare` is done first, uncounted, and returns the operation. Returns at which call it was killed, "" where it came
    to its end, and whether the operation had returned. Raises RuntimeError where it failed by itself.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            operation = prepare()
            _ptrace(_TRACE_ME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            operation()
            os.write(writing, b"done")
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    call = _followed(child, at)
    with os.fdopen(reading, "rb") as pipe:
        return call, pipe.read() == b"done"


def _followed(child: int, at: int) -> str:
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        raise RuntimeError("the operation failed before it began")
    _ptrace(_SET_OPTIONS, child, _TELL_CALLS | _KILL_WITH_TRACER)
    stops, passed_on = 0, 0
    while True:
        _ptrace(_SYSCALL, child, passed_on)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return ""
        if not os.WIFSTOPPED(status):
            raise RuntimeError("the operation failed by itself, without being killed")
        passed_on = 0 if os.WSTOPSIG(status) == _STOPPED_AT_CALL else os.WSTOPSIG(status)
        if passed_on or (name := _CALLS.get(_number(child))) is None:
            continue
        stops += 1
        if stops == at:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"{'before' if stops % 2 else 'behind'} {name}"


def _number(child: int) -> int:
    registers = (ctypes.c_ulonglong * _REGISTERS)()
    _ptrace(_GET_REGISTERS, child, ctypes.addressof(registers))
    return int(registers[_NUMBER])


def _ptrace(request: int, process: int, data: int = 0) -> None:
    trace = ctypes.CDLL(None, use_errno=True).ptrace
    trace.argtypes, trace.restype = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p], ctypes.c_long
    if trace(request, process, None, data) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
