"""One side of TLCP by Tongsuo, which the package tongsuopy brings as a library.

    tongsuo.py server FOLDER SUITES       prints "port N", echoes on each connection
    tongsuo.py client FOLDER SUITES PORT  sends a line, prints what returns

FOLDER holds sm_ca.crt, and sm_node.*, sm_ennode.* or sm_sdk.*, sm_ensdk.*.
"""

import ctypes
import socket
import sys

from tongsuopy.backends import _tongsuo

L = ctypes.CDLL(_tongsuo.__file__)
V = ctypes.c_void_p
for name in ("SSL_CTX_new", "NTLS_server_method", "NTLS_client_method", "SSL_new", "SSL_get_current_cipher"):
    getattr(L, name).restype = V
for name in ("SSL_get_version", "SSL_CIPHER_get_name"):
    getattr(L, name).restype = ctypes.c_char_p
FILETYPE_PEM = 1
VERIFY_PEER_OR_FAIL = 3


def context(method, folder, name, suites):
    ctx = V(L.SSL_CTX_new(V(method())))
    L.SSL_CTX_enable_ntls(ctx)
    check(L.SSL_CTX_set_cipher_list(ctx, suites.encode()), "suites")
    for function, file in (
        ("SSL_CTX_use_sign_certificate_file", f"sm_{name}.crt"),
        ("SSL_CTX_use_sign_PrivateKey_file", f"sm_{name}.key"),
        ("SSL_CTX_use_enc_certificate_file", f"sm_en{name}.crt"),
        ("SSL_CTX_use_enc_PrivateKey_file", f"sm_en{name}.key"),
    ):
        check(getattr(L, function)(ctx, f"{folder}/{file}".encode(), FILETYPE_PEM), file)
    check(L.SSL_CTX_load_verify_locations(ctx, f"{folder}/sm_ca.crt".encode(), None), "CA")
    L.SSL_CTX_set_verify(ctx, VERIFY_PEER_OR_FAIL, None)
    return ctx


def check(result, what):
    if result <= 0:
        raise SystemExit(f"tongsuo.py: {what} failed")


def session(ctx, sock):
    ssl = V(L.SSL_new(ctx))
    L.SSL_set_fd(ssl, sock.fileno())
    return ssl


def end(ssl, sock):
    L.SSL_shutdown(ssl)
    L.SSL_free(ssl)
    sock.close()


def serve(folder, suites):
    ctx = context(L.NTLS_server_method, folder, "node", suites)
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    buffer = ctypes.create_string_buffer(65536)
    while True:
        sock, _ = listener.accept()
        ssl = session(ctx, sock)
        if L.SSL_accept(ssl) > 0:
            while (n := L.SSL_read(ssl, buffer, len(buffer))) > 0 and L.SSL_write(ssl, buffer, n) > 0:
                pass
        end(ssl, sock)


def connect(folder, suites, port):
    ctx = context(L.NTLS_client_method, folder, "sdk", suites)
    sock = socket.create_connection(("127.0.0.1", int(port)))
    ssl = session(ctx, sock)
    check(L.SSL_connect(ssl), "handshake")
    print(L.SSL_get_version(ssl).decode(), L.SSL_CIPHER_get_name(V(L.SSL_get_current_cipher(ssl))).decode())
    line = b"to the node and back"
    check(L.SSL_write(ssl, line, len(line)), "write")
    buffer = ctypes.create_string_buffer(100)
    check(L.SSL_read(ssl, buffer, len(line)), "read")
    print(buffer.value.decode(), flush=True)
    end(ssl, sock)


if __name__ == "__main__":
    {"server": serve, "client": connect}[sys.argv[1]](*sys.argv[2:])
