"""A token server (OAuth 2.0, client credentials) with keys of its own, which it also shows: a real broker takes its tokens."""
import base64
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT = "sensor"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class TokenServer:
    """Keys at .url + "/jwks", tokens at .url + "/token" for CLIENT with .secret. `answer` takes the place of a token: a function
    of the request. Use as a context."""

    def __init__(self, lifetime=300, tls=None):
        self.tls = tls  # a context of ssl
        self.key = rsa.generate_private_key(65537, 2048)
        self.secret, self.lifetime, self.answer = "correct-h0rse", lifetime, None
        self.asked, self.given, self.port = [], 0, 0

    def token(self, lifetime=None, key=None, **claims):
        """A signed one; further or other claims by name."""
        now = int(time.time())
        said = {"iss": "a test", "sub": "flowsensor", "aud": "kafka", "scope": "produce", "iat": now, "exp": now + (lifetime or self.lifetime)} | claims
        parts = [base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT", "kid": "one"}, said)]
        signature = (key or self.key).sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, base64url(signature)])

    def jwks(self):
        public = self.key.public_key().public_numbers()
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": number(public.n), "e": number(public.e)}]}

    def judge(self, authorization):
        """Status and answer for who asks so."""
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
        if authorization != expected:
            return 401, {"error": "invalid_client"}
        self.given += 1
        return 200, {"access_token": self.token(), "token_type": "Bearer", "expires_in": self.lifetime}

    def respond(self, request):
        if request.path == "/jwks":
            return self.send(request, 200, self.jwks())
        self.asked.append((request.headers.get("Authorization"), request.body.decode()))
        return self.answer(request) if self.answer else self.send(request, *self.judge(request.headers.get("Authorization")))

    @staticmethod
    def send(request, status, answer):
        data = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def up(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.respond(self)

            do_GET = do_POST

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self):
        """Nobody listens at its port from now on, until up()."""
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_exception):
        self.down()
