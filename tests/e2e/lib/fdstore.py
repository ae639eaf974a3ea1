#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A stand-in for systemd where a service keeps descriptors: runs a command, keeps what that hands
over by sd_notify (FDSTORE=1, FDNAME=, FDSTOREREMOVE=1), and runs it again with all of that when it
ends, however it ends. SIGTERM is "systemctl stop": the command is told to end, and what is kept is
closed.

    fdstore.py NOTIFY_SOCKET COMMAND [ARGUMENT ...]
"""
import array
import fcntl
import os
import select
import signal
import socket
import sys

FIRST = 3
FDS_AT_ONCE = 16

kept = []  # of [name, fd]
stopping = False


def hear(server):
    text, ancillary, _, _ = server.recvmsg(4096, socket.CMSG_SPACE(FDS_AT_ONCE * 4))
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    words = dict(line.split("=", 1) for line in text.decode().split("\n") if "=" in line)
    name = words.get("FDNAME", "stored")
    if words.get("FDSTORE") == "1":
        kept.extend([name, fd] for fd in fds)
        return
    for fd in fds:
        os.close(fd)
    if words.get("FDSTOREREMOVE") == "1":
        for entry in [entry for entry in kept if entry[0] == name]:
            os.close(entry[1])
            kept.remove(entry)


def start(command, notify):
    pid = os.fork()
    if pid != 0:
        print(f"fdstore: {len(kept)} descriptors for {pid}", file=sys.stderr, flush=True)
        return pid
    end = FIRST + len(kept)
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, end) for _, fd in kept]
    for i, fd in enumerate(moved):
        os.dup2(fd, FIRST + i)
    os.closerange(end, 65536)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    environment = dict(os.environ, NOTIFY_SOCKET=notify)
    if kept:
        environment["LISTEN_PID"] = str(os.getpid())
        environment["LISTEN_FDS"] = str(len(kept))
        environment["LISTEN_FDNAMES"] = ":".join(name for name, _ in kept)
    os.execve(command[0], command, environment)


def main():
    global stopping
    notify, command = sys.argv[1], sys.argv[2:]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    server.bind(notify)
    os.chmod(notify, 0o777)
    awake, wake = os.pipe()
    for end in (awake, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)

    def stop(_number, _frame):
        global stopping
        stopping = True
        os.kill(pid, signal.SIGTERM)

    pid = start(command, notify)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, stop)
    while True:
        readable, _, _ = select.select([server, awake], [], [])
        if awake in readable:
            os.read(awake, 4096)
        while select.select([server], [], [], 0)[0]:
            hear(server)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended == 0:
            continue
        # What it has said last comes before its end.
        while select.select([server], [], [], 0)[0]:
            hear(server)
        if stopping:
            os.unlink(notify)
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
        pid = start(command, notify)


main()
