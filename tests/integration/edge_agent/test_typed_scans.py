"""Keyboard scanners type into the page of a running agent, with and without a broker."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass

Configure = Callable[..., EdgeConfig]
DEVICES = r"""
  - id: desk
    driver: scanner
    name: Packing desk
    keyboard: true
    prefix: "#"
    groups:
      - pattern: 'WO(?P<order>[0-9]{4})'
        tags:
          - {path: desk/order, address: order}
"""


@dataclass
class Browser:
    """Asks as a browser does; `token` as the page has it."""

    port: int
    token: str = ""
    origin: str | None = None
    host: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self._ask, "GET", path, None)

    async def open(self) -> str:
        code, page = await self.get("/scan/desk")
        assert code == 200, page
        self.token = page.partition('name="token" type="hidden" value="')[2].partition('"')[0]
        return page

    async def scan(self, text: str, scan_id: str = "", *, device: str = "desk") -> tuple[int, Any]:
        fields = {"id": scan_id or uuid4().hex, "text": text, "token": self.token}
        self.headers["Accept"] = "application/json"
        code, body = await asyncio.to_thread(
            self._ask, "POST", f"/scan/{device}", urlencode(fields)
        )
        return code, json.loads(body)

    async def submit(self, fields: dict[str, str]) -> tuple[int, str]:
        self.headers.pop("Accept", None)
        return await asyncio.to_thread(self._ask, "POST", "/scan/desk", urlencode(fields))

    def _ask(self, method: str, path: str, body: str | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        host = self.host or f"127.0.0.1:{self.port}"
        headers = {"Host": host, "Content-Type": "application/x-www-form-urlencoded"}
        if method == "POST":
            headers["Origin"] = f"http://{host}" if self.origin is None else self.origin
        connection.request(method, path, body, {**headers, **self.headers})
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer.status, said


async def _browser(config: EdgeConfig, wait_for: WaitFor) -> Browser:
    file: Path = config.data_dir / "page.port"
    await wait_for(lambda: file.exists() and file.read_text().strip())
    return Browser(port=int(file.read_text()))


async def test_scans_typed_while_cut_off_are_kept_at_once_and_arrive_once(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    config = configure(DEVICES, broker=nats.port)
    nats.kill()
    first = uuid4().hex
    async with running(config) as agent:
        browser = await _browser(config, wait_for)
        page = await browser.open()
        assert "autofocus" in page
        await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
        code, said = await browser.scan("#WO0001", first)
        assert (code, said["good"], said["message"]) == (200, True, "kept")
        assert (await browser.scan("#WO0001", first))[1]["code"] == "LS-4861"
        assert (await browser.scan("#WO0001"))[1]["message"] == "kept"
    # The computer was off meanwhile; the page in the browser is that of before.
    await nats.start()
    receiver = Receiver()
    async with running(config) as agent, Acker(address(nats.port), EDGE, receiver):
        again = await _browser(config, wait_for)
        again.token = browser.token
        await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
        code, said = await again.scan("#WO0002")
        assert (code, said["again"]) == (409, True)
        again.token = said["token"]
        assert (await again.scan("#WO0001", first))[1]["code"] == "LS-4861"
        assert (await again.scan("#WO0002"))[1]["message"] == "kept"
        await wait_for(
            lambda: (
                [value for _, value, _ in receiver.values("desk/order") if value]
                == ["0001", "0001", "0002"]
            ),
            what="each scan once, in order",
        )
    classes = {prefix.cls for prefix, samples in receiver.samples if len(samples)}
    assert classes == {StreamClass.KEY}


async def test_what_does_not_fit_is_refused_in_words_and_counted(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    config = configure(DEVICES, broker=nats.port)
    async with running(config) as agent:
        browser = await _browser(config, wait_for)
        await browser.open()
        await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
        browser.headers["Accept-Language"] = "zh-CN"
        for text, code in (
            ("WO0001", "LS-4864"),
            ("#WO1", "LS-4863"),
            ("#" + "9" * 500, "LS-4865"),
            ("#WO0001\0", "LS-4866"),
        ):
            status, said = await browser.scan(text)
            assert (status, said["code"], said["good"], said["again"]) == (200, code, False, False)
            assert said["message"].startswith("未保存")
        assert (await browser.scan("#WO0001", "no id"))[0] == 400
        assert (await browser.scan("x" * 20_000))[0] == 400
        assert (await browser.scan("#WO0001", device="other"))[1]["code"] == "LS-4867"
        said = json.loads((await browser.get("/status.json"))[1])
        counts = said["devices"][0]["counts"]
        assert (counts["malformed"], counts["unmatched"], counts["too_long"]) == (1, 1, 1)
        assert "未送达记录" in (await browser.get("/"))[1]
        assert 'href="/scan"' in (await browser.get("/"))[1]
        assert agent.facts is not None
        assert not [one for one in agent.facts.values() if one["value"]]


async def test_no_other_site_can_make_a_browser_scan(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    config = configure(DEVICES, broker=nats.port)
    async with running(config) as agent:
        browser = await _browser(config, wait_for)
        await browser.open()
        await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
        for origin in ("http://evil.example", "null", "", f"https://127.0.0.1:{browser.port}"):
            browser.origin = origin
            code, said = await browser.scan("#WO0001")
            assert (code, said["code"]) == (403, "LS-4872")
            assert "token" not in said
        browser.origin, browser.host = None, "evil.example"
        code, _ = await browser.get("/scan/desk")
        assert code == 400
        browser.host, token, browser.token = "", browser.token, "guessed"
        assert (await browser.scan("#WO0001"))[0] == 409
        browser.token = token
        assert (await browser.scan("#WO0001"))[1]["message"] == "kept"


async def test_the_form_works_without_scripts_and_a_reload_of_its_answer_counts_once(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    config = configure(DEVICES, broker=nats.port)
    async with running(config) as agent:
        browser = await _browser(config, wait_for)
        await browser.open()
        await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
        form = {"id": uuid4().hex, "text": "#WO0007", "token": browser.token}
        code, page = await browser.submit(form)
        assert (code, "#WO0007" in page, form["id"] in page) == (200, True, False)
        code, page = await browser.submit(form)
        assert (code, "it counts once" in page) == (200, True)
        # Of an earlier run: the answer holds the same text under the same id, ready to be sent.
        code, page = await browser.submit({**form, "token": "old"})
        assert (code, form["id"] in page, 'value="#WO0007"' in page) == (409, True, True)
        code, page = await browser.submit({**form, "id": uuid4().hex, "text": "#<b>"})
        assert "&lt;b&gt;" in page
        assert agent.facts is not None
        assert agent.facts.values()[0]["value"] == "0007"
        assert (await browser.get("/scan"))[0] == 303
        assert (await browser.get("/scan/other"))[0] == 404
        assert "fetch(" in (await browser.get("/scan.js"))[1]
