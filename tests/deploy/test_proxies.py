"""The sample proxies, started in front of a real gateway: hosts, cookies and addresses arrive as they should."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from ruamel.yaml import YAML

from tests.fixtures.gateway import CHROME, RunningGateway, free_port, page_view, wait_until

PROXIES = Path(__file__).parent.parent.parent / "deploy/proxies"
SAMPLES = ("nginx.conf", "Caddyfile", "traefik.yaml", "haproxy.cfg")
HOSTS = ("shop.example", "t.shop.example", "tagway.internal.example")
PLACES = ("https://shop.example/m", "https://t.shop.example/m")


@dataclass
class Proxy:
    """A sample with this test's ports and certificates in it, and the command that runs it in the foreground."""

    config: str
    check: list[str]
    run: list[str]


def nginx(folder: Path, ports: dict[str, int]) -> Proxy:
    sample = (PROXIES / "nginx.conf").read_text()
    sample = sample.replace("listen 443 ssl", f"listen 127.0.0.1:{ports['443']} ssl")
    sample = re.sub(r"^ *listen \[::\].*$", "", sample, flags=re.MULTILINE)
    sample = re.sub(r"/etc/ssl/certs/\S+\.pem", str(folder / "cert.pem"), sample)
    sample = re.sub(r"/etc/ssl/private/\S+\.key", str(folder / "key.pem"), sample)
    sample = sample.replace("/var/log/nginx", str(folder))
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {temporary}"
    path = folder / "nginx.conf"
    program = ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(path)]
    return Proxy(f"{head}\n{sample}\n}}\n", [*program, "-t"], program)


def haproxy(folder: Path, ports: dict[str, int]) -> Proxy:
    sample = (PROXIES / "haproxy.cfg").read_text()
    sample = sample.replace("bind :443", f"bind 127.0.0.1:{ports['443']}").replace(
        "/etc/haproxy/certs/", str(folder / "both.pem")
    )
    program = ["haproxy", "-f", str(folder / "haproxy.cfg")]
    return Proxy(sample, [*program, "-c"], [*program, "-db"])


def caddy(folder: Path, ports: dict[str, int]) -> Proxy:
    lines = ["admin off", "local_certs", "skip_install_trust", "auto_https disable_redirects", "grace_period 1s"]
    lines += ["default_bind 127.0.0.1", f"https_port {ports['443']}", f"storage file_system {folder}/caddy"]
    head = "".join(["{\n", *(f"\t{line}\n" for line in lines), "}\n"])
    options = ["--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    sample = head + (PROXIES / "Caddyfile").read_text()
    return Proxy(sample, ["caddy", "validate", *options], ["caddy", "run", *options])


MAKERS = {"nginx": (nginx, "nginx.conf"), "haproxy": (haproxy, "haproxy.cfg"), "caddy": (caddy, "Caddyfile")}


class Loopback(AbstractResolver):
    """Every name is this machine, so that the client says the names of the sample and reaches the test's proxy."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        return None


@dataclass
class Front:
    """A proxy that runs before a gateway. `client` speaks from an address of its own."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def client(self, address: str = "127.0.0.1") -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=Loopback(), ssl=False, local_addr=(address, 0), force_close=True)
        headers = {"User-Agent": CHROME, "Origin": "https://shop.example", "Content-Type": "text/plain"}
        return aiohttp.ClientSession(connector=connector, headers=headers, cookie_jar=aiohttp.DummyCookieJar())

    def at(self, url: str) -> str:
        host, _, path = url.removeprefix("https://").partition("/")
        return f"https://{host}:{self.port}/{path}"

    async def is_up(self) -> bool:
        assert self.process.poll() is None, (self.folder / "proxy.log").read_text()[-2_000:]
        try:
            async with self.client() as client, client.get(self.at("https://t.shop.example/healthz")) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


@pytest.fixture(params=MAKERS)
async def front(request: pytest.FixtureRequest, tmp_path: Path, gateway: RunningGateway) -> AsyncIterator[Front]:
    if not shutil.which(request.param):
        pytest.skip(f"no {request.param} on PATH: its sample is not tried")
    configure(gateway)
    await gateway.start()
    running = start(request.param, tmp_path, gateway)
    try:
        assert await wait_until(running.is_up)
        yield running
    finally:
        running.process.terminate()
        running.process.wait(10)


def start(name: str, folder: Path, gateway: RunningGateway) -> Front:
    """Put this test's ports into a sample, have its own program check it, and run it."""
    ports = {"443": free_port(), "8080": gateway.port, "8081": gateway.admin_port, "3000": free_port()}
    certificate(folder)
    maker, file = MAKERS[name]
    proxy = maker(folder, ports)
    for port in ("8080", "8081", "3000"):
        proxy.config = proxy.config.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[port]}")
    (folder / file).write_text(proxy.config.replace("port 8081", f"port {gateway.admin_port}"))
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    checked = subprocess.run(proxy.check, env=environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(proxy.run, env=environment, stdout=log, stderr=log)
    return Front(process, ports["443"], folder)


def certificate(folder: Path) -> None:
    subject = ["-subj", "/CN=shop.example", "-addext", f"subjectAltName={','.join(f'DNS:{host}' for host in HOSTS)}"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", *made, *subject, *files], check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "cert.pem").read_text() + (folder / "key.pem").read_text())


def configure(gateway: RunningGateway) -> None:
    """What the samples expect of the gateway, and each address may come twice."""
    gateway.config["server"] |= {"trusted_proxies": ["127.0.0.1"], "admin_hosts": ["tagway.internal.example"]}
    site = {"hosts": ["shop.example", "t.shop.example"], "path": "/m", "limits": {"per_address": "2/h"}}
    gateway.site.update(site)


async def test_mount_and_subdomain_set_secure_cookies_for_the_whole_site(front: Front) -> None:
    for at, place in enumerate(PLACES):
        async with (
            front.client(f"127.0.0.{10 + at}") as client,
            client.post(front.at(f"{place}/e"), json=page_view(f"pv-{at}")) as answer,
        ):
            cookies = {line.partition("=")[0]: line for line in answer.headers.getall("Set-Cookie", [])}

            assert answer.status == 204
            assert {"_tw_id", "_tw_click", "_fbp"} <= cookies.keys()
            assert "; Domain=shop.example; Secure; HttpOnly" in cookies["_tw_id"]


async def test_every_visitor_counts_by_his_own_address_whatever_he_claims(front: Front) -> None:
    async def hit(address: str, claim: str) -> int:
        headers = {"X-Forwarded-For": claim, "X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Proto": "http"}
        async with (
            front.client(address) as client,
            client.post(front.at(f"{PLACES[0]}/e"), json=page_view(claim), headers=headers) as answer,
        ):
            return answer.status

    one = [await hit("127.0.0.21", f"81.2.69.{number}") for number in range(3)]
    other = [await hit("127.0.0.22", f"81.2.69.{number}") for number in range(3)]

    assert one == other == [204, 204, 429]


async def test_long_image_hits_pass_and_no_log_holds_their_query(front: Front) -> None:
    query = f"event=page_view&user.email=jo.doe@example.com&page_title={'x' * 20_000}"
    async with front.client("127.0.0.31") as client, client.get(front.at(f"{PLACES[0]}/i?{query}")) as answer:
        assert (answer.status, answer.content_type) == (200, "image/gif")

    logged = [path for path in front.folder.glob("*.log") if b"jo.doe" in path.read_bytes()]
    assert logged == []


async def test_bodies_beyond_the_largest_are_refused_before_the_gateway(front: Front) -> None:
    body = io.BytesIO(bytes(16 * 1024 * 1024 + 1))
    async with (
        front.client("127.0.0.41") as client,
        client.post(front.at(f"{PLACES[0]}/api/events"), data=body, expect100=True) as answer,
    ):
        # The gateway would say 401. Caddy 2.6 cuts the body off, and with it the request.
        assert answer.status in (413, 502)


async def test_console_streams_through_the_proxy(front: Front) -> None:
    async with (
        front.client() as client,
        client.get(front.at("https://tagway.internal.example/admin/api/live?history=1")) as stream,
    ):
        assert stream.content_type == "text/event-stream"

        async with client.post(front.at(f"{PLACES[1]}/e"), json=page_view("seen-live")):
            pass
        assert await read_until(stream, b"seen-live")


async def read_until(stream: aiohttp.ClientResponse, needle: bytes) -> bool:
    read = b""
    while needle not in read:
        part = await stream.content.readany()
        if not part:
            return False
        read += part
    return True


# --- without running them ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_knows_the_ports_and_names_of_the_sample_configuration(name: str) -> None:
    text = (PROXIES / name).read_text()

    assert re.findall(r"127\.0\.0\.1:(\d+)", text)
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) <= {"8080", "8081", "3000"}
    assert {"8080", "8081"} <= set(re.findall(r"127\.0\.0\.1:(\d+)", text))
    assert [host for host in HOSTS if host not in text] == []
    assert "/m/" in text


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_lets_go_of_a_connection_before_the_gateway_does(name: str) -> None:
    from gateway.web.public import runner_options

    idle = re.findall(r"(?:keepalive_timeout|keepalive|idleConnTimeout:?) (\d+)s", (PROXIES / name).read_text())

    # HAProxy closes idle connections to a server after 5 s by itself (pool-purge-delay).
    assert [s for s in idle if int(s) >= runner_options()["keepalive_timeout"]] == []
    assert idle or name == "haproxy.cfg"


def test_traefik_routes_name_what_is_there() -> None:
    http: dict[str, Any] = YAML(typ="safe").load((PROXIES / "traefik.yaml").read_text())["http"]

    for route in http["routers"].values():
        assert route["service"] in http["services"]
        assert set(route["middlewares"]) <= set(http["middlewares"])
    assert http["services"]["tagway"]["loadBalancer"]["serversTransport"] in http["serversTransports"]
    assert http["services"]["tagway"]["loadBalancer"]["healthCheck"]["port"] == 8081
