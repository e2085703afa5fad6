#!/usr/bin/python3
"""An S3 that reads uploads and keeps only their sizes: the limit of a client's speed without that of a
server's disk, and answers that no real server gives when asked to. It takes any signature.

usage: sink.py [--port P] [--delay SECONDS] [--slow N] [--cut N] [--expired N] [--cert FILE --key FILE]

It runs in the foreground, prints `sink ready: URL`, and at its end (SIGTERM) one JSON line of what it
has counted. Every Nth upload of a body is answered with 503 SlowDown (--slow), with 400 ExpiredToken
(--expired), or by cutting the connection in its middle (--cut)."""

import argparse
import collections
import json
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import xml.sax.saxutils


class Gone(Exception):
    """The connection has ended, or has to."""


class Store:
    """What is known of objects: sizes only."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sizes, self.uploads = {}, {}
        self.counts = collections.Counter()

    def count(self, name, by=1):
        with self.lock:
            self.counts[name] += by
            return self.counts[name]

    def begin(self, key):
        with self.lock:
            self.counts["begun"] += 1
            upload = f"upload{self.counts['begun']}"
            self.uploads[upload] = (key, {})
            return upload

    def add_part(self, upload, number, size):
        with self.lock:
            if upload not in self.uploads:
                return False
            self.uploads[upload][1][number] = size
            return True

    def end(self, upload, keep):
        with self.lock:
            key, parts = self.uploads.pop(upload, (None, None))
            if key is not None and keep:
                self.sizes[key] = sum(parts.values())
            return key is not None


class TlsSocket:
    """A server's end of TLS that reads many records from the kernel at once: on the machine that is measured, the
    sink's own work is to be little."""

    def __init__(self, client, context):
        self.client = client
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.arrived, self.leaving, server_side=True)
        self.do(self.tls.do_handshake)

    def do(self, step, *arguments):
        """A step of TLS with what it needs from the other side; None at its end."""
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.client.recv(1 << 19)
                if not data:
                    return None
                self.arrived.write(data)
            except ssl.SSLZeroReturnError:
                return None
            finally:
                self.flush()

    def flush(self):
        if self.leaving.pending:
            self.client.sendall(self.leaving.read())

    def recv(self, size):
        return self.do(self.tls.read, size) or b""

    def recv_into(self, view, size, flags):
        return self.do(self.tls.read, len(view), view) or 0

    def sendall(self, data):
        while data:
            data = data[self.do(self.tls.write, data) or len(data):]

    def close(self):
        self.client.close()


class Connection(threading.Thread):
    def __init__(self, client, options, store, context):
        super().__init__(daemon=True)
        self.context = context
        self.client, self.options, self.store = client, options, store
        self.block = bytearray(1 << 20)
        # The kernel drops the bytes itself; what comes through TLS has to be read.
        self.flags = 0 if options.cert else socket.MSG_TRUNC

    def run(self):
        self.store.count("connections")
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.context:  # here: a slow handshake must not hold up other connections
                self.client = TlsSocket(self.client, self.context)
            self.ahead = b""
            while True:
                self.one_request()
        except (Gone, OSError, ValueError):
            self.client.close()

    def one_request(self):
        while b"\r\n\r\n" not in self.ahead:
            data = self.client.recv(1 << 16)
            if not data or len(self.ahead) > 1 << 16:
                raise Gone
            self.ahead += data
        head, self.ahead = self.ahead.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        size = int(headers.get("content-length", 0))
        fault = None
        if method == "PUT" and key and size:
            nth = self.store.count("uploads")
            fault = next((f for f in ("cut", "slow", "expired") if (n := getattr(self.options, f)) and nth % n == 0), None)
        if headers.get("expect", "").lower() == "100-continue":
            self.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.drop(size // 2 if fault == "cut" else size)
        if fault == "cut":
            raise Gone
        self.store.count("requests")
        self.store.count("bytes", size if method == "PUT" else 0)
        if self.options.delay:
            time.sleep(self.options.delay)
        if fault == "slow":
            self.answer("503 Slow Down", error("SlowDown"))
        elif fault == "expired":
            self.answer("400 Bad Request", error("ExpiredToken"))
        else:
            self.serve(method, bucket, key, query, size)

    def drop(self, size):
        """Reads `size` bytes of a body and forgets them."""
        read = min(size, len(self.ahead))
        self.ahead = self.ahead[read:]
        size -= read
        view = memoryview(self.block)
        while size > 0:
            got = self.client.recv_into(view[:min(size, len(view))], 0, self.flags)
            if not got:
                raise Gone
            size -= got

    def serve(self, method, bucket, key, query, size):
        store, upload, name = self.store, query.get("uploadId"), f"{bucket}/{key}"
        if method == "PUT" and upload:
            found = store.add_part(upload, int(query["partNumber"]), size)
            self.answer(*(("200 OK", "") if found else ("404 Not Found", error("NoSuchUpload"))))
        elif method == "PUT":
            with store.lock:
                store.sizes[name] = size
            self.answer("200 OK")
        elif method == "POST" and "uploads" in query:
            self.answer("200 OK", element("InitiateMultipartUploadResult", UploadId=store.begin(name), Bucket=bucket, Key=key))
        elif method == "POST" and upload:
            found = store.end(upload, keep=True)
            self.answer(*(("200 OK", element("CompleteMultipartUploadResult", ETag='"0-1"', Bucket=bucket, Key=key)) if found
                          else ("404 Not Found", error("NoSuchUpload"))))
        elif method == "DELETE" and upload:
            store.end(upload, keep=False)
            self.answer("204 No Content")
        elif method == "DELETE":
            with store.lock:
                store.sizes.pop(name, None)
            self.answer("204 No Content")
        elif method == "GET" and not key:
            self.list(bucket, query.get("prefix", ""))
        elif name in store.sizes and method == "HEAD":
            self.answer("200 OK", length=store.sizes[name])
        else:
            self.answer("404 Not Found", error("NoSuchKey") if method == "GET" else "")

    def list(self, bucket, prefix):
        with self.store.lock:
            found = {k[len(bucket) + 1:]: n for k, n in self.store.sizes.items() if k.startswith(f"{bucket}/{prefix}")}
        items = "".join(element("Contents", prolog="", Key=k, Size=n) for k, n in sorted(found.items()))
        self.answer("200 OK", element("ListBucketResult", KeyCount=len(found), IsTruncated="false", inner=items))

    def answer(self, status, body="", length=None):
        data = body.encode()
        size = "" if status.startswith("204") else f"Content-Length: {len(data) if length is None else length}\r\n"
        self.client.sendall(f"HTTP/1.1 {status}\r\n{size}ETag: \"{'0' * 32}\"\r\nContent-Type: application/xml\r\n"
                            "x-amz-request-id: SINK\r\n\r\n".encode() + data)


def element(name, inner="", prolog='<?xml version="1.0" encoding="UTF-8"?>', **children):
    text = "".join(f"<{k}>{xml.sax.saxutils.escape(str(v))}</{k}>" for k, v in children.items())
    return f"{prolog}<{name}>{text}{inner}</{name}>"


def error(code):
    return element("Error", Code=code, Message="as asked for")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    for fault in ("slow", "cut", "expired"):
        parser.add_argument("--" + fault, type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", options.port), backlog=256)
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    store = Store()

    def stop(*_):
        print(json.dumps(dict(store.counts)), flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"sink ready: {'https' if options.cert else 'http'}://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        Connection(listener.accept()[0], options, store, context).start()


if __name__ == "__main__":
    main()
