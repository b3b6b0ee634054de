"""The process between a container and the agent: holds its pipes, writes its log, keeps its end.

One small server per agent (`python -I -S shim.py SOCKET`), which forks a child per container, one
ahead of the next request. The children do not need the agent: it may die and come back, logs are
written and exit codes kept all the same. Imports next to nothing, since it lies in the memory of
every running container.

A request is a line of JSON on the socket:
  {"do": "run", "directory": DIR}          DIR/shim.json says all; answer {"pid", "startedMs"}
  {"do": "namespaces", "base": UID, "directory": DIR}   makes DIR/user and DIR/net; answer {}
An answer with "error" is a refusal. Next: `runtime.py`, which asks.
"""

import ctypes
import json
import os
import select
import signal
import socket
import sys
import time

LOG_BYTES_MAX = 16 << 20
LINE_BYTES_MAX = 16 << 10
LEASE_CHECK_MS = 1000
EXEC_SECONDS_MAX = 5.0
STILL_RUNTIME = {"runc:[2:INIT]", "crun", *"3456789"}
"""What the first process is called until it becomes the program. crun executes a copy of itself by
its descriptor, and older kernels name a process after that."""
SIGNALS = set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""The OCI runtime's: nothing of the agent's own."""

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE, MNT_DETACH = 1 << 12, 1 << 14, 1 << 19, 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, 0o2000000
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
MOVE_MOUNT_F_EMPTY_PATH = 4
MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY = 0x00100000, 1

libc = ctypes.CDLL(None, use_errno=True)


class MountAttributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = [
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def must(result, what):
    """Raise OSError where a C call failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def now_ms():
    """Give milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def born(pid):
    """Give when a process began, in ticks since boot: with its pid, its name for good."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def write_file(path, document):
    """Write a JSON file so that it is whole or not there.

    Not forced to the disk: after a power cut the containers are gone as well.
    """
    with open(path + ".new", "w") as file:
        json.dump(document, file)
    os.rename(path + ".new", path)


# -- namespaces ---------------------------------------------------------------------------------


def make_namespaces(base, directory):
    """Make a user namespace of 65,536 ids from `base`, and a network namespace that it owns.

    Both are kept by bind mounts. The network namespace must belong to the user namespace: only
    then may a container mount its own /sys.
    """
    to_parent, to_child = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # So that it sees the end of the pipe when its parent closes it, or dies.
            os.close(to_parent[0])
            os.close(to_child[1])
            must(libc.unshare(CLONE_NEWUSER), "unshare user")
            os.write(to_parent[1], b"u")
            os.read(to_child[0], 1)
            must(libc.unshare(CLONE_NEWNET), "unshare network")
            os.write(to_parent[1], b"n")
            os.read(to_child[0], 1)
        finally:
            os._exit(0)
    os.close(to_parent[1])
    os.close(to_child[0])
    try:
        if os.read(to_parent[0], 1) != b"u":
            raise OSError(0, "user namespaces are not allowed on this machine")
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{pid}/{name}", "w") as file:
                file.write(f"0 {base} 65536\n")
        os.write(to_child[1], b"g")
        if os.read(to_parent[0], 1) != b"n":
            raise OSError(0, "network namespaces are not allowed on this machine")
        os.makedirs(directory, exist_ok=True)
        for name in ("user", "net"):
            target = f"{directory}/{name}"
            with open(target, "w"):
                pass
            source = f"/proc/{pid}/ns/{name}"
            result = libc.mount(source.encode(), target.encode(), None, MS_BIND, None)
            must(result, f"mount {target}")
    finally:
        os.close(to_child[1])
        os.close(to_parent[0])
        os.waitpid(pid, 0)


# -- the root file system -----------------------------------------------------------------------


def mount_idmapped(source, target, userns):
    """Mount a folder with its ids shifted into a user namespace. OSError where it cannot be."""
    path = source.encode()
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH
    tree = must(libc.syscall(SYS_OPEN_TREE, AT_FDCWD, path, flags), f"open_tree {source}")
    try:
        attributes = MountAttributes(MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY, 0, 0, userns)
        size = ctypes.sizeof(attributes)
        result = libc.syscall(
            SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attributes), size
        )
        must(result, f"mount_setattr {source}")
        moved = libc.syscall(
            SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH
        )
        must(moved, f"move_mount {target}")
    finally:
        os.close(tree)


def mount_root(order):
    """Mount the layers, shifted into the container's ids, and the overlay over them."""
    lowers = []
    userns = os.open(order["userns"], os.O_RDONLY | os.O_CLOEXEC)
    try:
        for number, layer in enumerate(order["layers"]):
            target = f"{order['lower']}/{number}"
            os.makedirs(target, exist_ok=True)
            mount_idmapped(layer, target, userns)
            lowers.insert(0, str(number))
    finally:
        os.close(userns)
    for name in ("upper", "work"):
        os.makedirs(order[name], exist_ok=True)
    os.chown(order["upper"], order["base"], order["base"])
    os.chmod(order["upper"], 0o755)
    os.makedirs(order["rootfs"], exist_ok=True)
    options = f"lowerdir={':'.join(lowers)},upperdir={order['upper']},workdir={order['work']}"
    # Relative names: the options must fit in 4,096 bytes, and images may have many layers.
    os.chdir(order["lower"])
    result = libc.mount(b"overlay", order["rootfs"].encode(), b"overlay", 0, options.encode())
    os.chdir("/")
    must(result, "mount overlay")


def unmount_root(order):
    """Undo `mount_root`, however far it got."""
    libc.umount2(order["rootfs"].encode(), MNT_DETACH)
    for number in range(len(order["layers"])):
        libc.umount2(f"{order['lower']}/{number}".encode(), MNT_DETACH)


# -- the log ------------------------------------------------------------------------------------


class Log:
    """Writes lines in the CRI format; the file before the present one is kept as FILE.1."""

    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.rest = {}
        self.open()

    def open(self):
        """Open the file to append to."""
        self.file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self.size = os.fstat(self.file).st_size

    def feed(self, stream, data):
        """Take what a stream gave; an empty piece is its end."""
        rest = self.rest.get(stream, b"") + data
        lines = rest.split(b"\n")
        rest = lines.pop()
        stamp = self.stamp()
        out = []
        for line in lines:
            while len(line) > LINE_BYTES_MAX:
                out.append(stamp + stream + b" P " + line[:LINE_BYTES_MAX] + b"\n")
                line = line[LINE_BYTES_MAX:]
            out.append(stamp + stream + b" F " + line + b"\n")
        while len(rest) >= LINE_BYTES_MAX or (rest and not data):
            out.append(stamp + stream + b" P " + rest[:LINE_BYTES_MAX] + b"\n")
            rest = rest[LINE_BYTES_MAX:]
        self.rest[stream] = rest
        self.write(b"".join(out))

    def stamp(self):
        """Give the time as RFC 3339 with nanoseconds, and a space."""
        seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return f"{text}.{nanos:09d}Z ".encode()

    def write(self, data):
        """Append; a full disk loses log lines, never the workload."""
        if not data:
            return
        try:
            if self.size + len(data) > LOG_BYTES_MAX:
                os.rename(self.path, self.path + ".1")
                full = self.file
                self.open()
                os.close(full)
            while data:
                written = os.write(self.file, data)
                self.size += written
                data = data[written:]
        except OSError:
            return


# -- one container ------------------------------------------------------------------------------


def run(directory, answer):
    """Run a container to its end; `answer` is told once, when it has started or failed."""
    with open(f"{directory}/shim.json") as file:
        order = json.load(file)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        # Before anything runs: nothing shall run whose words are lost.
        log = Log(order["log"])
        mount_root(order)
    except OSError as error:
        unmount_root(order)
        answer({"error": str(error)})
        return
    out, err = os.pipe(), os.pipe()
    pid, words = start(order, directory, out, err)
    if pid is None:
        unmount_root(order)
        answer({"error": words})
        return
    started = now_ms()
    document = {"pid": pid, "startedMs": started, "boot": order["boot"], "shim": os.getpid()}
    document["shimBorn"] = born(os.getpid())
    write_file(f"{directory}/start.json", document)
    answer(document)
    code = follow(pid, out[0], err[0], log, order.get("lease", ""))
    oom = any(killed(path) for path in order["oom"])
    end = {"exitCode": code, "finishedMs": now_ms(), "oom": oom}
    keep(f"{directory}/exit.json", end)


def keep(path, document):
    """Write a file however long the disk is full; without its folder nobody asks any more."""
    while os.path.isdir(os.path.dirname(path)):
        try:
            write_file(path, document)
            return
        except OSError:
            time.sleep(1.0)


def start(order, directory, out, err):
    """Have the OCI runtime start the container, detached: it becomes our child when that ends.

    Gives (pid, "") or (None, what the runtime said).
    """
    try:
        runtime = spawn(order["command"], order["hides"], out[1], err[1])
    except OSError as error:
        return None, f"the OCI runtime could not be started: {error}"
    os.close(out[1])
    os.close(err[1])
    _, status = os.waitpid(runtime, 0)
    try:
        if os.waitstatus_to_exitcode(status) == 0:
            with open(f"{directory}/pid") as file:
                pid = int(file.read())
            began = executed(pid, order["command"][0])
            return (pid, "") if began else (None, last_words(pid, err[0]))
        with open(f"{directory}/oci.log") as file:
            lines = [json.loads(line) for line in file if line.strip()]
        said = [line["msg"] for line in lines if line.get("level") in ("error", "fatal")]
        return None, said[-1] if said else "the OCI runtime gave no reason"
    except (OSError, ValueError, KeyError) as error:
        return None, f"the OCI runtime failed: {error}"


def spawn(command, hides, out, err):
    """Start a process that does not see certain mounts; not by fork, which costs this one more."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, err, 2),
    ]
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY) if hides else None
    try:
        hide(hides)
        # What is ignored in here would stay ignored in the container.
        return os.posix_spawn(
            command[0], command, ENVIRONMENT, file_actions=files, setsigdef=SIGNALS
        )
    finally:
        if home is not None:
            # Back at once: mounts of other Pods must not live on in here.
            must(libc.setns(home, CLONE_NEWNS), "setns mounts")
            os.close(home)


def hide(paths):
    """Take mounts out of this process's sight, and only of its own."""
    if not paths:
        return
    must(libc.unshare(CLONE_NEWNS), "unshare mounts")
    must(libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None), "mount /")
    for path in paths:
        must(libc.umount2(path.encode(), MNT_DETACH), f"unmount {path}")


def executed(pid, runtime):
    """Wait until the container's first process is the program; False where it could not become it.

    The runtime returns just before that: a signal sent at once would reach the runtime's own
    process, which does not mind it, and be lost.
    """
    until = time.monotonic() + EXEC_SECONDS_MAX
    while time.monotonic() < until:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        with open(f"/proc/{pid}/comm") as file:
            if file.read().strip() not in STILL_RUNTIME:
                return True
        if ended:
            return False
        with open(f"/proc/{pid}/cmdline") as file:
            called = file.read().split("\0")[0]
        if called not in ("", runtime):
            return True  # A program that merely has such a name.
        time.sleep(0.0005)
    return True


def last_words(pid, err):
    """Reap a process that ended as the runtime's, and give what that said instead."""
    os.waitpid(pid, 0)
    os.set_blocking(err, False)
    try:
        said = os.read(err, LINE_BYTES_MAX).decode(errors="replace").strip()
    except BlockingIOError:
        said = ""
    return in_words(said) or "the program could not be executed"


def in_words(said):
    """Give what an OCI runtime said: runc in plain words, crun in a line of JSON."""
    try:
        return json.loads(said)["msg"]
    except (ValueError, KeyError, TypeError):
        return said


def follow(pid, out, err, log, lease):
    """Write the log until the container ends; gives its exit code, 128 + n for a signal.

    Kills it when the node's lease has run out: somebody else may start it then.
    """
    process = os.pidfd_open(pid)
    poll = select.poll()
    streams = {out: b"stdout", err: b"stderr"}
    for descriptor in (*streams, process):
        poll.register(descriptor, select.POLLIN)
    for descriptor in streams:
        os.set_blocking(descriptor, False)
    ended = False
    while not ended:
        events = poll.poll(LEASE_CHECK_MS if lease else None)
        if lease and expired(lease):
            os.kill(pid, signal.SIGKILL)
        for descriptor, _ in events:
            if descriptor == process:
                ended = True
            elif not drain(descriptor, streams[descriptor], log, once=True):
                poll.unregister(descriptor)
    for descriptor, stream in streams.items():
        drain(descriptor, stream, log, once=False)
        log.feed(stream, b"")
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def expired(path):
    """Say whether the lease in a file has run out; without a word of it, it has not."""
    try:
        with open(path) as file:
            until = float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return False
    return time.clock_gettime(time.CLOCK_BOOTTIME) > until


def drain(descriptor, stream, log, once):
    """Read what is there; False at the stream's end."""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        log.feed(stream, data)
        if once:
            return True


def killed(path):
    """Say whether a cgroup's file counts a kill for lack of memory (v1 and v2 alike)."""
    try:
        with open(path) as file:
            words = file.read().split()
    except OSError:
        return False
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    return pairs.get("oom_kill", "0") != "0"


# -- the server ---------------------------------------------------------------------------------


def serve(path):
    """Take requests until the socket's file is gone or another server has taken its place."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path + ".new")
    os.chmod(path + ".new", 0o600)
    listener.listen(64)
    inode = os.stat(path + ".new").st_ino
    os.rename(path + ".new", path)
    parent, taken = os.getppid(), os.pipe()
    keep_ready(listener, taken)
    while True:
        readable, _, _ = select.select([taken[0]], [], [], 2.0)
        if readable:
            os.read(taken[0], 1)
            keep_ready(listener, taken)
        elif os.getppid() != parent or not is_mine(path, inode):
            # Without the agent nobody asks any more; the containers' own processes go on.
            return


def keep_ready(listener, taken):
    """Fork a child that waits for one request and serves it: a fork takes longer than to wake.

    Until it has one it ends with the server; then it says so, and the server forks the next.
    """
    server = os.getpid()
    if os.fork() != 0:
        return
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            return
        connection, _ = listener.accept()
        libc.prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
        os.write(taken[1], b"x")
        listener.close()
        for end in taken:
            os.close(end)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        handle(connection)
    finally:
        os._exit(0)


def is_mine(path, inode):
    """Say whether the socket's file still is this server's."""
    try:
        return os.stat(path).st_ino == inode
    except OSError:
        return False


def handle(connection):
    """Serve one request."""

    def answer(document):
        try:
            connection.sendall(json.dumps(document).encode() + b"\n")
            connection.close()
        except OSError:
            pass

    try:
        request = json.loads(connection.makefile("rb").readline())
        if request["do"] == "namespaces":
            make_namespaces(request["base"], request["directory"])
            answer({})
        else:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            run(request["directory"], answer)
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    serve(sys.argv[1])
