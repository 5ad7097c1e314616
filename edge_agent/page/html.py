"""The page for people as HTML, in Chinese or English: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from runtime.messages import Language, text

_STYLE: Final = """
body{font:15px/1.5 system-ui,"Microsoft YaHei",sans-serif;margin:1.5rem;max-width:70rem;color:#222}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
th{color:#666;font-weight:600}.bad{color:#b00020}.good{color:#0a7a3b}
td.n{text-align:right;font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}th{color:#999}
th,td{border-color:#333}.bad{color:#ff6b7d}.good{color:#4fce8a}}
"""


def render(status: Mapping[str, Any], values: Sequence[Mapping[str, Any]], lang: Language) -> str:
    """The whole page; it loads itself again every five seconds."""

    def word(name: str) -> str:
        return escape(text(_WORDS[name], lang=lang))

    title = escape(f"{status['name'] or status['edge']} - {status['plant']}/{status['edge']}")
    broker, buffer = status["broker"], status["buffer"]
    mark = "good" if broker["connected"] else "bad"
    state = word("connected") if broker["connected"] else word("disconnected")
    rows = [
        (word("agent"), escape(status["agent"])),
        (word("configuration"), _configuration(status["configuration"], lang)),
        (word("started"), escape(status["started_at"] or "")),
        (word("time"), _time(status["clock"], lang)),
        (
            word("broker"),
            (
                f'{escape(broker["address"])} <b class="{mark}">{state}</b> '
                f"{escape(broker['since'] or '')}<br>{escape(broker['error'] or '')}"
            ),
        ),
        (word("answered"), escape(broker["answered_at"] or word("never"))),
        (word("unacked"), _number(buffer.get("unacked_records"))),
        (word("oldest"), f"{_number(buffer.get('oldest_unacked_s'))} s"),
        (
            word("bytes"),
            f"{_number(buffer.get('bytes'))} / {_number(buffer.get('max_bytes'))}",
        ),
        (word("collected"), f"{_number(status['rates'].get('collected', 0))} /s"),
    ]
    cap = broker["rate_cap_kbit_s"]
    if cap is not None:
        rows.append((word("cap"), f"{_number(cap)} kbit/s"))
    if buffer["blocked_since"]:
        since = escape(buffer["blocked_since"])
        rows.append((word("blocked"), f'<b class="bad">{since}</b>'))
    facts = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    away = away_words(status, lang)
    warning = f'<p><b class="bad">{escape(away)}</b></p>' if away else ""
    devices = "".join(_device(one, word) for one in status["devices"])
    orders = "".join(_order(one) for one in status["orders"])
    todo = (
        f"<h2>{word('orders')}</h2><table><tr><th>{word('order')}</th><th>{word('equipment')}</th>"
        f"<th>{word('product')}</th><th>{word('quantity')}</th><th>{word('due')}</th></tr>"
        f"{orders}</table>"
    )
    shown = "".join(_value(one) for one in values)
    scan = f'<p><a href="/scan">{escape(text("LS-4850", lang=lang))}</a></p>'
    typed = scan if any(one["typed"] for one in status["devices"]) else ""
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="5"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{warning}{typed}"
        f"<table>{facts}</table>{todo if orders else ''}"
        f"<h2>{word('devices')}</h2><table><tr><th>{word('device')}</th><th>{word('state')}</th>"
        f"<th>{word('since')}</th><th>{word('points')}</th></tr>{devices}</table>"
        f"<h2>{word('values')}</h2><table><tr><th>{word('tag')}</th><th>{word('value')}</th>"
        f"<th>{word('quality')}</th><th>{word('at')}</th></tr>{shown}</table></body></html>"
    )


_WORDS: Final = {
    "agent": "LS-4510",
    "configuration": "LS-4956",
    "started": "LS-4511",
    "broker": "LS-4512",
    "connected": "LS-4513",
    "disconnected": "LS-4514",
    "answered": "LS-4515",
    "never": "LS-4516",
    "unacked": "LS-4517",
    "oldest": "LS-4518",
    "bytes": "LS-4519",
    "collected": "LS-4520",
    "blocked": "LS-4521",
    "devices": "LS-4522",
    "device": "LS-4523",
    "state": "LS-4524",
    "since": "LS-4525",
    "points": "LS-4526",
    "values": "LS-4527",
    "tag": "LS-4528",
    "value": "LS-4529",
    "quality": "LS-4530",
    "at": "LS-4531",
    "up": "LS-4532",
    "down": "LS-4533",
    "connecting": "LS-4534",
    "cap": "LS-4536",
    "orders": "LS-4537",
    "order": "LS-4538",
    "equipment": "LS-4539",
    "product": "LS-4540",
    "quantity": "LS-4541",
    "due": "LS-4542",
    "bad": "LS-4543",
    "time": "LS-4544",
}
_TIME_BY: Final = {"computer": "LS-4545", "held": "LS-4546", "server": "LS-4547"}


def away_words(status: Mapping[str, Any], lang: Language | None = None) -> str:
    """That the server is away, since when, and how much is kept meanwhile; else nothing."""
    since = status["server"]["away_since_local"]
    if since is None:
        return ""
    buffer = status["buffer"]
    return text(
        "LS-4535",
        lang=lang,
        since=since,
        hours=round(buffer.get("oldest_unacked_s", 0) / 3600, 1),
        records=buffer.get("unacked_records", "?"),
    )


def _configuration(found: Mapping[str, Any], lang: Language) -> str:
    """Which one runs: the edge's own file, or a pushed version, perhaps on trial."""
    if not found:
        return "-"
    said = str(found["file"])
    if found["version"] is not None:
        said = text("LS-4957", lang=lang, version=found["version"])
    if found["trial_until"]:
        said += ", " + text("LS-4958", lang=lang, until=found["trial_until"])
    return escape(said)


def time_words(clock: Mapping[str, Any], lang: Language | None = None) -> str:
    """By which clock event times go, and how far the computer's own is off."""
    return text(_TIME_BY[clock["source"]], lang=lang, off_s=f"{clock['computer_off_s']:+,}")


def _time(clock: Mapping[str, Any], lang: Language) -> str:
    said = escape(time_words(clock, lang))
    return said if clock["source"] == "computer" else f'<b class="bad">{said}</b>'


def _device(one: Mapping[str, Any], word: Any) -> str:
    mark = {"up": "good", "down": "bad"}.get(one["state"], "")
    count = one["bad_points"]
    bad = f'<br><small class="bad">{count} {word("bad")}</small>' if count else ""
    return (
        f"<tr><td>{escape(one['id'])} {escape(one['name'])}</td>"
        f'<td><b class="{mark}">{word(one["state"])}</b><br>{escape(one["error"] or "")}</td>'
        f'<td>{escape(one["since"] or "")}</td><td class="n">{one["points"]}{bad}</td></tr>'
    )


def _order(one: Mapping[str, Any]) -> str:
    quantity = "" if one["quantity"] is None else f"{one['quantity']:g}"
    note = f"<br><small>{escape(one['note'])}</small>" if one["note"] else ""
    return (
        f"<tr><td>{escape(one['order'])}{note}</td><td>{escape(one['equipment'])}</td>"
        f'<td>{escape(one["product"])}</td><td class="n">{quantity}</td>'
        f"<td>{escape(one['due'] or '')}</td></tr>"
    )


def _value(one: Mapping[str, Any]) -> str:
    value = "" if one["value"] is None else str(one["value"])
    mark = "bad" if one["quality"] == "bad" else ""
    return (
        f'<tr><td>{escape(one["path"])}</td><td class="n">{escape(value[:200])} '
        f'{escape(one["unit"])}</td><td class="{mark}">{one["quality"]} '
        f"<small>{one['status']}</small></td><td>{escape(one['at'] or '')}</td></tr>"
    )


def _number(value: Any) -> str:
    return "?" if value is None else f"{value:,}"
