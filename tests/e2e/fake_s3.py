"""An S3 in the test's process that keeps objects in memory, takes any signature, and fails on demand.

`fault` is asked before each request, with the operation's name, its bucket and key; what it returns is the
answer instead: a Refusal, bytes (a body with status 200), or DROP, which closes the connection."""

import http.server
import threading
import urllib.parse
import uuid
import xml.sax.saxutils

DROP = object()


class Refusal:
    def __init__(self, status, code, region=None):
        self.status, self.code, self.region = status, code, region


def element(name, *children, **texts):
    inner = "".join(children) + "".join(f"<{k}>{xml.sax.saxutils.escape(str(v))}</{k}>" for k, v in texts.items())
    return f"<{name}>{inner}</{name}>"


class FakeS3(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fault=lambda operation, key: None):
        self.fault, self.lock = fault, threading.Lock()
        self.objects, self.uploads, self.requests = {}, {}, []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        pass  # connections that the server under test drops


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        _, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.operation(key, query)
        with self.server.lock:
            self.server.requests.append((operation, key))
            answer = self.server.fault(operation, key)
            if answer is None:
                answer = self.do(operation, key, query, body)
        if answer is DROP:
            self.close_connection = True
        elif isinstance(answer, Refusal):
            region = {"Region": answer.region} if answer.region else {}
            self.answer(answer.status, element("Error", Code=answer.code, Message="as asked for", **region).encode())
        else:
            self.answer(204 if operation in ("DeleteObject", "AbortMultipartUpload") else 200, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = serve

    def operation(self, key, query):
        method = self.command
        if not key:
            return "ListMultipartUploads" if "uploads" in query else "ListObjectsV2"
        if method == "PUT":
            return "UploadPart" if "uploadId" in query else "PutObject"
        if method == "POST":
            return "CompleteMultipartUpload" if "uploadId" in query else "CreateMultipartUpload"
        if method == "DELETE":
            return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
        return "HeadObject" if method == "HEAD" else "GetObject"

    def do(self, operation, key, query, body):
        store = self.server
        if operation == "ListObjectsV2":
            found = [element("Contents", Key=k, Size=len(v)) for k, v in sorted(store.objects.items()) if k.startswith(query.get("prefix", ""))]
            return element("ListBucketResult", *found, KeyCount=len(found), IsTruncated="false").encode()
        if operation == "ListMultipartUploads":
            found = [element("Upload", Key=k, UploadId=u) for u, (k, _) in store.uploads.items()]
            return element("ListMultipartUploadsResult", *found, IsTruncated="false").encode()
        if operation == "PutObject":
            store.objects[key] = body
        elif operation == "DeleteObject":
            store.objects.pop(key, None)
        elif operation == "CreateMultipartUpload":
            upload = uuid.uuid4().hex
            store.uploads[upload] = (key, {})
            return element("InitiateMultipartUploadResult", UploadId=upload).encode()
        elif operation == "UploadPart":
            store.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
        elif operation == "CompleteMultipartUpload":
            _, parts = store.uploads.pop(query["uploadId"])
            store.objects[key] = b"".join(parts[number] for number in sorted(parts))
            return element("CompleteMultipartUploadResult", ETag='"x-1"').encode()
        elif operation == "AbortMultipartUpload":
            store.uploads.pop(query["uploadId"], None)
        elif key not in store.objects:
            return Refusal(404, "NoSuchKey")
        else:
            return store.objects[key]
        return b""

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.send_header("x-amz-request-id", "FAKE")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)
