#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""An SSH server for what no real one does on demand.

The exchange of keys is paramiko's; what follows is laid out below, in a script for each user name:
a generator that yields what is sent in reply to each request of the client. Writes its port and host
key to standard output, then a line for each request. "close" on its standard input closes the
connection, anything else is repeated after the connection's end; the end of that ends the program.
"""
import io
import logging
import os
import socket
import sys
import threading

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.message import Message

DISCONNECT, IGNORE, SERVICE_REQUEST, SERVICE_ACCEPT = 1, 2, 5, 6
REQUEST, FAILURE, SUCCESS, BANNER = 50, 51, 52, 53
INFO_REQUEST, INFO_RESPONSE = 60, 61
CHANGE_REQUEST = KEY_IS_GOOD = 60
CLOSE = object()


def packet(number, *fields):
    """The bytes of a message: text and bytes as strings, bool as such, int as 32 bits."""
    message = Message()
    message.add_byte(bytes([number]))
    for field in fields:
        if isinstance(field, bool):
            message.add_boolean(field)
        elif isinstance(field, int):
            message.add_int(field)
        else:
            message.add_string(field)
    return message


def failure(offer, partial=False):
    return packet(FAILURE, offer, partial)


def info(name, instruction, *prompts):
    fields = [field for prompt in prompts for field in prompt]
    return packet(INFO_REQUEST, name, instruction, "", len(prompts), *fields)


def banner(text):
    return packet(BANNER, text, "")


def goodbye(text):
    return packet(DISCONNECT, 2, text, "")


def accept_key(request):
    for _ in range(3):
        request.get_string()
    request.get_boolean()
    return packet(KEY_IS_GOOD, request.get_string(), request.get_string())


SUCCEED = packet(SUCCESS)
KBD = "keyboard-interactive"

# --- scripts: the first yield answers the request for the list of methods ---------------------


def two_rounds():
    yield failure(KBD)
    yield info("Gate", "Who goes there?", ("Name: ", True), ("Password: ", False))
    yield info("", "", ("Verification code: ", False))
    yield SUCCEED


def password_first():
    yield failure(KBD)
    yield info("", "Welcome", ("Password: ", False))
    yield info("", "", ("Verification code: ", False))
    yield SUCCEED


def password_echoed():
    yield failure(KBD)
    yield info("", "", ("Name: ", True))
    yield SUCCEED


def silent_rounds():
    yield failure(KBD)
    yield info("", "Maintenance\ttonight\r\nfrom 8 pm\u202e\x1b[31m on")
    yield info("", "", ("Password: ", False))
    yield info("", "Last login: yesterday")
    yield info("", "", ("Token: ", False))
    yield info("", "Bye")
    yield SUCCEED


def hostile_text():
    yield failure(KBD)
    code = b"\x1b]0;x\x07Code\xe2\x81\xa6 \xff"
    yield info("\x00N\u202eame" * 100, "line\x07\n" * 3000, (code * 200, True))
    yield SUCCEED


def partial():
    yield failure("password,publickey")
    yield failure(KBD, True)
    yield failure(KBD)
    yield info("", "", ("Code: ", False))
    yield SUCCEED


def partial_answers():
    yield failure("password," + KBD)
    yield info("", "", ("Password: ", False))
    yield failure("password", True)
    yield failure("password")
    yield SUCCEED


def partial_then_unknown():
    yield failure("password")
    yield failure("hostbased", True)
    yield failure("hostbased")


def endless_parts():
    while True:
        yield failure("password")
        yield failure("password,x", True)
        yield failure("password,x")
        yield failure("password", True)


def refused():
    yield failure("password," + KBD)
    yield info("", "", ("Password: ", False))
    yield failure("password," + KBD)
    yield failure("password," + KBD)
    yield SUCCEED


def nothing_asked():
    yield failure("password," + KBD)
    yield failure("password," + KBD)
    yield failure("password," + KBD)
    yield SUCCEED


def key_then_nothing():
    yield failure("publickey")
    yield accept_key
    yield failure(KBD, True)
    yield failure(KBD)
    yield info("", "Hello")
    yield SUCCEED


def key_then_code():
    yield failure("publickey")
    yield accept_key
    yield failure(KBD, True)
    yield failure(KBD)
    yield info("", "", ("Code: ", False))
    yield SUCCEED


def key_not_signed():
    yield failure("publickey,password")
    yield accept_key
    yield failure("publickey,password")
    yield SUCCEED


def change():
    yield failure("password")
    yield packet(CHANGE_REQUEST, "Change it", "")
    yield packet(CHANGE_REQUEST, "Too simple", "")
    yield SUCCEED


def change_refused():
    yield failure("password")
    yield packet(CHANGE_REQUEST, "Change it", "")
    yield failure("password")
    yield failure("password")


def nobody():
    yield SUCCEED


def one_code():
    yield failure(KBD)
    yield info("", "", ("Code: ", False))
    yield SUCCEED


def says_goodbye():
    yield failure(KBD)
    yield info("", "Hello")
    yield goodbye("closes-the-door")


def account_words():
    yield failure(KBD)
    yield info("", "", ("Password: ", False))
    yield info("", "Your account\nhas expired")
    yield goodbye("please see the\nadmin")


def account_closed():
    yield failure("password")
    yield CLOSE


def too_many_failures():
    yield failure("password")
    yield goodbye("Too many authentication failures")


def refuses_and_closes():
    yield failure("password")
    yield [failure("password"), CLOSE]


def closes_at_once():
    yield CLOSE


def silent():
    yield failure(KBD)
    yield []


def ignores_then_prompts():
    yield failure(KBD)
    noise = packet(IGNORE, "x" * 20000)
    yield [noise, info("", "", ("Code: ", False)), noise]
    yield SUCCEED


def seventeen_questions():
    yield failure(KBD)
    yield info("", "", *[("%d: " % i, False) for i in range(17)])


def sixteen_questions():
    yield failure(KBD)
    yield info("", "", *[("%d: " % i, i % 2 == 0) for i in range(16)])
    yield SUCCEED


def count_too_high():
    yield failure(KBD)
    yield packet(INFO_REQUEST, "", "", "", 2, "Code: ", False)


def count_absurd():
    yield failure(KBD)
    yield packet(INFO_REQUEST, "", "", "", 0xFFFFFFFF, "Code: ", False)


def length_absurd():
    yield failure(KBD)
    yield packet(INFO_REQUEST, "", "", "", 1, 0x7FFFFFFF, 1)


def name_length_absurd():
    yield failure(KBD)
    yield packet(INFO_REQUEST, 0x00FFFFFF, 0, 0, 0)


def instruction_length_absurd():
    yield failure(KBD)
    yield packet(INFO_REQUEST, "", 0xFFFFFFF0, 0, 0)


def second_round_broken():
    yield failure(KBD)
    yield info("", "", ("Code: ", False))
    yield packet(INFO_REQUEST, "", "", "", 101)


def no_text():
    yield failure(KBD)
    yield info("", "", ("", False))
    yield SUCCEED


def strange_offer():
    yield failure(",,\x00\x1b," + "x" * 2000)


def short_failure():
    yield packet(FAILURE)


# --- the server ----------------------------------------------------------------------------


def check_signature(request, session_id, key_blob):
    """What is signed is the session's identifier and all of the request before the signature."""
    signature = request.get_binary()
    before = request.asbytes()[: -4 - len(signature)]
    signed = Message()
    signed.add_string(session_id)
    signed.add_byte(bytes([REQUEST]))
    signed.add_bytes(before)
    key = paramiko.Ed25519Key(data=key_blob)
    return "well" if key.verify_ssh_sig(signed.asbytes(), Message(signature)) else "badly"


def describe_request(request, session_id):
    request.get_text()
    request.get_text()
    method = request.get_text()
    if method == "password":
        passwords = 2 if request.get_boolean() else 1
        return " ".join([method] + [request.get_text() for _ in range(passwords)])
    if method == "publickey":
        is_signed, algorithm, blob = request.get_boolean(), request.get_text(), request.get_binary()
        quality = " signed " + check_signature(request, session_id, blob) if is_signed else ""
        return f"{method} {algorithm}{quality}"
    return method


def describe_answers(message):
    return " ".join(["answers"] + [message.get_text() for _ in range(message.get_int())])


def say(*words):
    print(*words, flush=True)


class Login:
    """Takes the place of paramiko's own handler; its thread calls."""

    current = None

    def __init__(self, transport):
        self.transport = transport
        self.script = None
        # Older versions of paramiko call with the handler before the message, newer ones without.
        self._handler_table = {
            SERVICE_REQUEST: lambda *words: self.serve(words[-1]),
            REQUEST: lambda *words: self.hear_request(words[-1]),
            INFO_RESPONSE: lambda *words: self.hear_answers(words[-1]),
        }
        Login.current = self

    def is_authenticated(self):
        return False

    def abort(self):
        pass

    def close(self):
        try:
            self.transport.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the client was faster

    def serve(self, message):
        self.transport._send_message(packet(SERVICE_ACCEPT, message.get_text()))

    def hear_request(self, message):
        if self.script is None:
            self.script = globals()[Message(message.asbytes()).get_text()]()
        say(describe_request(message, self.transport.session_id))
        self.reply(message)

    def hear_answers(self, message):
        say(describe_answers(message))
        self.reply(message)

    def reply(self, message):
        reply = next(self.script, CLOSE)
        for part in reply if isinstance(reply, list) else [reply]:
            if part is CLOSE:
                self.close()
            else:
                self.transport._send_message(
                    part(Message(message.asbytes())) if callable(part) else part
                )


def obey():
    for line in sys.stdin:
        if line == "close\n":
            Login.current.close()
        else:
            if Login.current is not None and Login.current.transport.is_alive():
                Login.current.transport.join()
            say(line.strip())
    os._exit(0)


def make_host_key():
    private = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    return paramiko.Ed25519Key(file_obj=io.StringIO(private.decode()))


def main():
    logging.disable()
    key = make_host_key()
    listener = socket.create_server(("127.0.0.1", 0))
    say(listener.getsockname()[1], key.get_name(), key.get_base64())
    threading.Thread(target=obey, daemon=True).start()
    while True:
        sock, _ = listener.accept()
        transport = paramiko.Transport(sock)
        transport.add_server_key(key)
        transport.auth_handler = Login(transport)
        transport.start_server(event=threading.Event())


main()
