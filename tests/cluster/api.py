"""A client of the Kubernetes API server: plain requests with a client certificate, for what a test asks often."""
import http.client
import json
import ssl
from urllib.parse import urlencode, urlsplit


class ApiError(Exception):
    """An answer that isn't a success; .status is its code."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """One thread's client: it keeps its connection. `tls` is a folder with ca.crt, admin.crt and admin.key."""

    def __init__(self, url, tls):
        self.address = urlsplit(url)
        self.context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
        self.context.load_cert_chain(tls / "admin.crt", tls / "admin.key")
        self.connection = None

    def request(self, method, path, body=None, content_type="application/json"):
        """The answer's bytes. A connection that the server closed meanwhile is opened again once."""
        headers = {"Content-Type": content_type} if body is not None else {}
        data = json.dumps(body).encode() if body is not None else None
        for last in (self.connection is None, True):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPSConnection(self.address.hostname, self.address.port,
                                                                  context=self.context, timeout=30)
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                text = answer.read()
                break
            except (ConnectionError, http.client.HTTPException):
                self.close()
                if last:
                    raise
        if answer.status >= 300:
            raise ApiError(answer.status, text.decode("utf-8", "replace"))
        return text

    def get(self, path, **query):
        return json.loads(self.request("GET", path + ("?" + urlencode(query) if query else "")))

    def create(self, path, body):
        return json.loads(self.request("POST", path, body))

    def merge(self, path, body):
        return json.loads(self.request("PATCH", path, body, "application/merge-patch+json"))

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None
