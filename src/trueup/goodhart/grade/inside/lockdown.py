"""The first process in every box: it starts the submission, and ends whatever that leaves behind.

It runs from before anything hostile does, and stays outside of what it locks. It reads its orders
(marshal, from the parent alone) from LIFELINE_FD, forks, and the child gives up its rights, sets
its limits and executes the command. When the command has ended, or the parent says so, or the
parent is gone, all that is left is killed and the wait status written to STATUS_FD.

Standard library only, and of that only builtin modules on the way to the command: it is on the path
of every launch, and `json`, `os` or `signal` would cost as much as the rest of it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import errno
import marshal
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LIFELINE_FD = 5  # orders come from here; any byte more, or its end, means: kill everything
STATUS_FD = 6
FIRST_FREE_FD = 7
NOT_FOUND, NOT_RUNNABLE, NOT_LOCKED = 127, 126, 125
OWN_PID = b"\xf0\x0d\xca\xfe"  # stands in a filter for a number that only the child knows
KEEP_GOING = 200  # rounds of killing before the rest is left to the parent
_CHUNK = 1 << 16


def main() -> None:
    orders = read_orders()
    posix.closerange(FIRST_FREE_FD, 1 << 16)
    wake, wakened = posix.pipe()
    for fd in (wake, wakened):
        posix.set_blocking(fd, False)
    _signal.set_wakeup_fd(wakened, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        _signal.signal(getattr(_signal, name), _signal.SIG_IGN)
    if orders["kill"] != "namespace":
        adopt_orphans()
    failed, fails = posix.pipe()
    child = posix.fork()
    if child == 0:
        run(orders, fails)
    for fd in (0, 1, 2, 3, 4, fails):
        posix.close(fd)
    if orders["uid"] is None:
        limit(orders)  # the same user may get at this process, and must gain nothing by it
    status = supervise(child, wake)
    why = posix.read(failed, 400)
    kill_group(child)
    if orders["kill"] == "uid":
        kill_uid(orders["uid"])
    elif orders["kill"] == "descendants":
        kill_descendants()
    posix.write(STATUS_FD, b"%s\n%s" % (b"" if status is None else b"%d" % status, why))
    posix._exit(0)


def read_orders() -> dict:
    """A length of four bytes and then marshal."""
    size = int.from_bytes(read_exactly(4), "big")
    return marshal.loads(read_exactly(size))


def read_exactly(size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = posix.read(LIFELINE_FD, size - len(got))
        if not more:
            posix._exit(NOT_LOCKED)
        got += more
    return got


def supervise(child: int, wake: int) -> int | None:
    """Wait for the child, reaping orphans; its wait status, None when the parent wants an end."""
    import select

    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(LIFELINE_FD, select.POLLIN)
    while True:
        ready = [fd for fd, _ in poll.poll()]
        if wake in ready:
            tried(posix.read, wake, 4096)
            while True:
                try:
                    pid, status = posix.waitpid(-1, posix.WNOHANG)
                except ChildProcessError:
                    break
                if pid == child:
                    return status
                if pid == 0:
                    break
        if LIFELINE_FD in ready:
            tried(posix.kill, child, _signal.SIGKILL)
            return None


def tried(function: Callable[..., object], *arguments: object) -> None:
    """Call, and go on where the system refuses (what was to be killed is gone, say)."""
    try:  # noqa: SIM105 (contextlib is not builtin)
        function(*arguments)
    except OSError:
        pass


def run(orders: dict, fails: int) -> None:
    """In the child: give everything up and execute the command. Never returns."""
    code = NOT_LOCKED
    try:
        posix.setsid()
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGCHLD", "SIGPIPE", "SIGXFSZ"):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
        if orders["copy"]:
            source, target = orders["copy"]
            copy_tree(source, target, orders["uid"])
        if orders["uid"] is not None:
            for path in orders["own"]:
                posix.chown(path, orders["uid"], orders["uid"])
        posix.chdir(orders["folder"])
        posix.umask(0o022)
        lock(orders)
        code = NOT_RUNNABLE
        command = orders["command"]
        posix.execve(command[0], command, orders["environment"])
    except FileNotFoundError as error:
        code = NOT_FOUND if code == NOT_RUNNABLE else code
        posix.write(fails, f"{error.strerror}: {error.filename}".encode()[:300])
    except BaseException as error:
        posix.write(fails, f"{type(error).__name__}: {error}".encode()[:300])
    finally:
        posix._exit(code)


def lock(orders: dict) -> None:
    """Limits, then another user, then files and network, then system calls."""
    limit(orders)
    walls = orders.get("walls")
    if walls is None:
        become(orders["uid"])
    else:
        kernel = Kernel()
        rules = kernel.rules(walls)  # before the paths may be out of reach
        kernel.keep_capabilities()
        become(orders["uid"])
        kernel.capabilities(walls["capabilities"])
        kernel.restrict(rules)
        posix.close(rules)
        kernel.filter(walls["filter"])
    posix.close(LIFELINE_FD)
    posix.close(STATUS_FD)


def become(uid: int | None) -> None:
    """Another user, and of no group but its own; None stays who it is."""
    if uid is not None:
        posix.setgroups([])
        posix.setresgid(uid, uid, uid)
        posix.setresuid(uid, uid, uid)


def limit(orders: dict) -> None:
    """Set the limits that this system has."""
    import resource

    for name, value in orders["limits"]:
        number = getattr(resource, name, None)
        if number is not None:
            lower(resource, number, value)


def lower(resource: object, number: int, value: int) -> None:
    """Set a limit, or keep the one that is lower already."""
    _, hard = resource.getrlimit(number)  # type: ignore[attr-defined]
    if hard != resource.RLIM_INFINITY:  # type: ignore[attr-defined]
        value = min(value, hard)
    try:
        resource.setrlimit(number, (value, value))  # type: ignore[attr-defined]
    except (ValueError, OSError):
        if sys.platform == "linux":  # other systems refuse some limits, which the box notes
            raise


def copy_tree(source: str, target: str, uid: int | None) -> None:
    """Copy folders, files and links; nothing else. What is there already stays."""
    for entry in posix.scandir(source):
        to = f"{target}/{entry.name}"
        try:
            if entry.is_symlink():
                posix.symlink(posix.readlink(entry.path), to)
            elif entry.is_dir():
                posix.mkdir(to, 0o755)
                copy_tree(entry.path, to, uid)
            elif entry.is_file():
                copy_file(entry.path, to, entry.stat().st_mode & 0o777 | 0o600)
            else:
                continue
        except FileExistsError:
            # A mount is there. Folders above one are shared, anything else stays the mount's.
            if not entry.is_dir(follow_symlinks=False) or not is_own_folder(target, to):
                continue
            copy_tree(entry.path, to, uid)
        if uid is not None:
            posix.chown(to, uid, uid, follow_symlinks=False)


def is_own_folder(target: str, path: str) -> bool:
    """Whether the path is a folder of the same file system, so no mount."""
    there = posix.lstat(path)
    return there.st_mode & 0o170000 == 0o040000 and there.st_dev == posix.lstat(target).st_dev


def copy_file(source: str, target: str, mode: int) -> None:
    read = posix.open(source, posix.O_RDONLY)
    write = posix.open(target, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL, mode)
    while chunk := posix.read(read, _CHUNK):
        while chunk:
            chunk = chunk[posix.write(write, chunk) :]
    posix.close(read)
    posix.close(write)


class Kernel:
    """What only a system call reaches: Landlock, seccomp, capabilities. A failure is an OSError."""

    def __init__(self) -> None:
        import ctypes

        self.c = ctypes
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS

    def call(self, name: str, *args: object) -> int:
        result = getattr(self.libc, name)(*args)
        if result < 0:
            number = self.c.get_errno()
            raise OSError(number, f"{name} {args[0]}: {errno.errorcode.get(number, number)}")
        return result

    def prctl(self, option: int, *args: object) -> int:
        padded = [*args, 0, 0, 0, 0][:4]
        wide = [self.c.c_ulong(a) if isinstance(a, int) else a for a in padded]
        return self.call("prctl", option, *wide)

    def rules(self, walls: dict) -> int:
        """A Landlock ruleset (landlock(7)): the handled rights, and those granted per path."""
        handled = self.c.create_string_buffer(b"".join(_u64(n) for n in walls["handled"]), 24)
        size = self.c.c_size_t(24)
        rules = self.call("syscall", 444, handled, size, self.c.c_uint(0))
        for path, rights in walls["granted"]:
            try:
                fd = posix.open(path, posix.O_PATH | posix.O_CLOEXEC)
            except FileNotFoundError:
                continue
            beneath = self.c.create_string_buffer(_u64(rights) + fd.to_bytes(4, "little"), 12)
            self.call("syscall", 445, rules, 1, beneath, self.c.c_uint(0))
            posix.close(fd)
        return rules

    def restrict(self, rules: int) -> None:
        self.call("syscall", 446, rules, self.c.c_uint(0))

    def filter(self, code: bytes) -> None:
        """A seccomp filter; OWN_PID in it becomes the number of this process."""
        code = code.replace(OWN_PID, posix.getpid().to_bytes(4, "little"))
        program = self.c.create_string_buffer(code, len(code))
        count = (len(code) // 8).to_bytes(8, "little")
        header = self.c.create_string_buffer(count + _u64(self.c.addressof(program)), 16)
        self.prctl(22, 2, header)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER

    def keep_capabilities(self) -> None:
        self.prctl(8, 1)  # PR_SET_KEEPCAPS, past the change of user

    def capabilities(self, kept: int) -> None:
        """Hold these and no others, also in what is executed."""
        low, high = (kept & 0xFFFFFFFF).to_bytes(4, "little"), (kept >> 32).to_bytes(4, "little")
        header = self.c.create_string_buffer((0x20080522).to_bytes(4, "little"), 8)
        self.call("capset", header, self.c.create_string_buffer(low * 3 + high * 3, 24))
        self.prctl(47, 4)  # PR_CAP_AMBIENT, CLEAR_ALL
        for number in range(64):
            if kept >> number & 1:
                self.prctl(47, 2, number)  # RAISE


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def adopt_orphans() -> None:
    """Become the parent of what its own parent leaves behind (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def kill_group(leader: int) -> None:
    """Kill what is left of the session's first process group: all there is without /proc."""
    tried(posix.killpg, leader, _signal.SIGKILL)


def kill_uid(uid: int) -> None:
    """Kill every process of the user at once: none can fork its way out."""
    killer = posix.fork()
    if killer == 0:
        try:
            posix.setresuid(uid, uid, uid)
            posix.kill(-1, _signal.SIGKILL)
        finally:
            posix._exit(0)
    reap()


def kill_descendants() -> None:
    """Kill every descendant, round by round, since one may fork while another is killed.

    Orphans are children here, so that none is left when there is no child.
    """
    for _ in range(KEEP_GOING):
        if reap_some():
            return
        for pid in descendants(posix.getpid()):
            tried(posix.kill, pid, _signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """All processes below `root`, by /proc; empty where there is none."""
    children: dict[int, list[int]] = {}
    try:
        names = posix.listdir("/proc")
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            try:
                fd = posix.open(f"/proc/{name}/stat", posix.O_RDONLY)
            except OSError:
                continue
            try:
                fields = posix.read(fd, 1024).rpartition(b")")[2].split()
            except OSError:
                continue
            finally:
                posix.close(fd)
            if len(fields) > 1 and fields[0] not in b"ZX":
                children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def reap() -> None:
    """Reap until there is no child left."""
    while True:
        try:
            posix.waitpid(-1, 0)
        except ChildProcessError:
            return
        except OSError as error:
            if error.errno != errno.EINTR:
                return


def reap_some() -> bool:
    """Reap what has ended; whether no child is left."""
    while True:
        try:
            if posix.waitpid(-1, posix.WNOHANG)[0] == 0:
                return False
        except ChildProcessError:
            return True


if __name__ == "__main__":
    main()
