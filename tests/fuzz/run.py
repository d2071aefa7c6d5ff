"""Asks a running server everything that its OpenAPI document allows, and much that it does not.

`script/test fuzz` calls this with the Python of an environment that has `requirements.txt`. It starts one
`parlor serve` on a database of its own, and runs schemathesis twice, each time on an app that `seed.py` has filled:
with the app's secret, and with the token of one of its users.

    PARLOR_TEST_BIN             the server's binary
    PARLOR_TEST_PG_ADMIN_URL    a PostgreSQL (as `script/services start postgres` prints them)
    PARLOR_TEST_PG_BIN          and where its programs are

Arguments go to schemathesis, for example `--include-path /api/v1/channels --max-examples 200`.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import seed

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "api" / "openapi.json"
BINARY = os.environ["PARLOR_TEST_BIN"]
#: Operations, in a hundred, that have to be carried out at least once in one of the two runs. A run whose requests
#: are all refused finds nothing.
DONE = 90


def main():
    with tempfile.TemporaryDirectory(prefix="parlor-fuzz.") as folder:
        server = Server(Path(folder))
        try:
            return run(server, Path(folder), sys.argv[1:])
        finally:
            server.stop()


def run(server, folder, arguments):
    done, failed = set(), []
    for acting in ("server", "user"):
        print(f"\n── as the {acting}\n", flush=True)
        keys = json.loads(server.command("app", "create", acting, "--json", "--guests", "--rate-limit", "100000"))
        ids, user_token = seed.fill(server.url, keys)
        token, own = (keys["secret"], "/app") if acting == "server" else (user_token, "/users/me")
        run_folder = folder / acting
        result = schemathesis(run_folder, acting, ids, server.url, token, arguments)
        if result != 0:
            failed.append(f"schemathesis as the {acting} ended with {result}")
        done |= set(json.loads((run_folder / "done.json").read_text(encoding="utf-8")))
        # Who shut itself out, or brought the server down, was refused from there on.
        try:
            seed.Api(server.url, token)("GET", own)
        except (OSError, SystemExit) as error:
            failed.append(f"afterwards the {acting} is not served: {error}")
    if not arguments:
        failed += too_few(done)
    for reason in failed:
        print(f"error: {reason}", file=sys.stderr)
    return 1 if failed else 0


def schemathesis(folder, acting, ids, url, token, arguments):
    """One run in its own folder, where it also leaves what it keeps."""
    folder.mkdir()
    for name in ("schemathesis.toml", "hooks.py"):
        shutil.copy(HERE / name, folder)
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    settings = {
        "PARLOR_FUZZ_AS": acting,
        "PARLOR_FUZZ_IDS": str(folder / "ids.json"),
        "PARLOR_FUZZ_DONE": str(folder / "done.json"),
        "PARLOR_FUZZ_TOKEN": token,
    }
    program = Path(sys.executable).parent / "schemathesis"
    command = [program, "--config-file", "schemathesis.toml", "--no-color", "run", DOCUMENT, "--url", url, *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, **settings}, check=False).returncode


def too_few(done):
    """Whether too many operations were never carried out."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    methods = ("get", "put", "post", "patch", "delete")
    paths = document["paths"].items()
    known = {f"{method.upper()} {path}" for path, item in paths for method in item if method in methods}
    print(f"\n{len(known & done)} of {len(known)} operations were carried out; never:")
    for label in sorted(known - done):
        print(f"  {label}")
    enough = len(known & done) * 100 >= DONE * len(known)
    return [] if enough else [f"fewer than {DONE} of 100 operations were carried out; does the seeding fit the API?"]


class Server:
    """`parlor serve` with the settings of tests."""

    def __init__(self, folder):
        api, hub = free_port(), free_port()
        self.url = f"http://127.0.0.1:{api}"
        self.log = folder / "server.log"
        settings = {
            "PARLOR_DATABASE_URL": new_database(),
            "PARLOR_SERVER_LISTEN": f"127.0.0.1:{api}",
            "PARLOR_SERVER_PUBLIC_URL": self.url,
            "PARLOR_REALTIME_LISTEN": f"127.0.0.1:{hub}",
            "PARLOR_REALTIME_PUBLIC_URL": f"ws://127.0.0.1:{hub}",
            "PARLOR_REALTIME_TOKEN_SECRET": secrets.token_hex(32),
            # A busy machine may need long for a connection, and a 503 is a finding.
            "PARLOR_DATABASE_WAIT_TIMEOUT_MS": "20000",
            "PARLOR_SERVER_USER_RATE_LIMIT_RPS": "10000",
            "PARLOR_SERVER_IP_RATE_LIMIT_RPS": "10000",
            "PARLOR_TELEMETRY_LOG": "warn",
        }
        self.env = {**os.environ, **settings}
        self.env["PARLOR_SECURITY_MASTER_KEYS"] = self.command("config", "new-master-key").strip()
        self.command("migrate")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([BINARY, "serve"], env=self.env, stdout=log, stderr=log)
        self.ready()

    def command(self, *arguments):
        return subprocess.run([BINARY, *arguments], env=self.env, check=True, capture_output=True, text=True).stdout

    def ready(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        self.stop()
        raise SystemExit("error: the server did not become ready")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        errors = [line for line in self.log.read_text(encoding="utf-8").splitlines() if '"ERROR"' in line]
        if errors:
            print("\nerrors that the server logged:", *errors[-20:], sep="\n  ", file=sys.stderr)


def new_database():
    admin = os.environ["PARLOR_TEST_PG_ADMIN_URL"]
    name = f"parlor_fuzz_{uuid.uuid4().hex}"
    psql = Path(os.environ["PARLOR_TEST_PG_BIN"], "psql")
    subprocess.run([psql, "--quiet", admin, "--command", f"CREATE DATABASE {name}"], check=True)
    return f"{admin.rpartition('/')[0]}/{name}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
