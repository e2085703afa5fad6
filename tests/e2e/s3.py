"""A small S3 client for looking at what the server wrote. It signs by itself, so that it shares no
code, and no mistake, with the server's client."""

import datetime
import hashlib
import hmac
import http.client
import ssl
import urllib.parse
import xml.etree.ElementTree as xml


class S3Error(Exception):
    def __init__(self, status, body):
        super().__init__(f"HTTP {status}: {body[:500]!r}")
        self.status = status
        self.body = body


class S3:
    def __init__(self, endpoint, key, secret, region="us-east-1", ca_file=None):
        self.url = urllib.parse.urlsplit(endpoint)
        self.endpoint, self.key, self.secret, self.region = endpoint, key, secret, region
        self.ca_file = ca_file

    def request(self, method, path, query=None, body=b""):
        """Path style: `path` is /bucket/key, not yet escaped. Returns the body of a 2xx answer."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(body).hexdigest()
        quote = lambda text: urllib.parse.quote(text, safe="-_.~")
        path = "/".join(quote(part) for part in path.split("/"))
        query = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted((query or {}).items()))
        headers = {"host": self.url.netloc, "x-amz-content-sha256": payload, "x-amz-date": now}
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join([method, path, query, lines, names, payload])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
                                    f"SignedHeaders={names}, Signature={signature}")
        if self.url.scheme == "https":
            connection = http.client.HTTPSConnection(
                self.url.netloc, timeout=60, context=ssl.create_default_context(cafile=self.ca_file))
        else:
            connection = http.client.HTTPConnection(self.url.netloc, timeout=60)
        try:
            connection.request(method, path + ("?" + query if query else ""), body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        if response.status // 100 != 2:
            raise S3Error(response.status, data)
        return data

    def make_bucket(self, bucket):
        try:
            self.request("PUT", "/" + bucket)
        except S3Error as error:
            if error.status != 409:  # it is there and ours
                raise

    def put(self, bucket, key, body=b""):
        self.request("PUT", f"/{bucket}/{key}", body=body)

    def get(self, bucket, key):
        return self.request("GET", f"/{bucket}/{key}")

    def delete(self, bucket, key):
        self.request("DELETE", f"/{bucket}/{key}")

    def list(self, bucket, prefix=""):
        """{key: size} of all objects below a prefix."""
        found, query = {}, {"list-type": "2", "prefix": prefix}
        while True:
            root = parse(self.request("GET", "/" + bucket, query))
            for item in root.iter("Contents"):
                found[item.findtext("Key")] = int(item.findtext("Size"))
            if root.findtext("IsTruncated") != "true":
                return found
            query["continuation-token"] = root.findtext("NextContinuationToken")

    def uploads(self, bucket, prefix=""):
        """Keys of multipart uploads that are neither completed nor aborted."""
        root = parse(self.request("GET", "/" + bucket, {"uploads": "", "prefix": prefix}))
        return [item.findtext("Key") for item in root.iter("Upload")]

    def clear(self, bucket, prefix=""):
        for key in self.list(bucket, prefix):
            self.delete(bucket, key)


def parse(body):
    root = xml.fromstring(body)
    for element in root.iter():  # names without their namespace
        element.tag = element.tag.rsplit("}", 1)[-1]
    return root
