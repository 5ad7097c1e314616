"""The page into which keyboard scanners type, as HTML, in Chinese or English: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from edge_agent.collect.typed import Outcome
from runtime.messages import Language, text

_STYLE: Final = """
body{font:16px/1.5 system-ui,"Microsoft YaHei",sans-serif;margin:1.5rem;max-width:60rem;color:#222}
input[type=text]{font:inherit;font-size:1.6rem;width:100%;box-sizing:border-box;padding:.4rem;
border:3px solid #0a7a3b}
button{font:inherit;padding:.4rem 1.2rem;margin:.5rem 0}
table{border-collapse:collapse;width:100%;margin:1rem 0}
td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}
.good{color:#0a7a3b}.bad{color:#b00020;font-weight:600}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}td{border-color:#333}
.good{color:#4fce8a}.bad{color:#ff6b7d}}
"""

_OUTCOMES: Final = {
    Outcome.KEPT: "LS-4860",
    Outcome.KEPT_BEFORE: "LS-4861",
    Outcome.REPEATS: "LS-4862",
    Outcome.UNMATCHED: "LS-4863",
    Outcome.MALFORMED: "LS-4864",
    Outcome.TOO_LONG: "LS-4865",
    Outcome.UNDECODABLE: "LS-4866",
    Outcome.NO_DEVICE: "LS-4867",
    Outcome.TOO_MANY: "LS-4868",
    Outcome.NOT_NOW: "LS-4869",
    Outcome.DISK: "LS-4870",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What is shown of a scan that was sent."""

    text: str
    code: str
    good: bool
    again: bool
    """Whether it has to be sent again, under the same id."""


def said(sent: str, outcome: Outcome) -> Said:
    """What there is to say of an outcome."""
    good = outcome.good or outcome is Outcome.REPEATS
    return Said(text=sent, code=_OUTCOMES[outcome], good=good, again=outcome.again)


def render(
    devices: Sequence[tuple[str, str]],
    device: str,
    *,
    token: str,
    scan_id: str,
    shown: Said | None,
    lang: Language,
) -> str:
    """The page of one device; `devices`: (id, name) of all that are typed.

    Without scripts the form is sent as it is, each time under the id in it.
    """

    def word(code: str) -> str:
        return escape(text(code, lang=lang))

    others = " ".join(
        f'<a href="/scan/{escape(one)}">{escape(name or one)}</a>'
        for one, name in devices
        if one != device
    )
    title = escape(dict(devices).get(device) or device)
    rows = kept = ""
    if shown is not None:
        mark = "good" if shown.good else "bad"
        rows = (
            f'<tr><td></td><td>{escape(shown.text)}</td><td class="{mark}">'
            f"{word(shown.code)}</td></tr>"
        )
        kept = escape(shown.text) if shown.again else ""
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{word('LS-4850')} - {title}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{word('LS-4850')}: {title}</h1><p>{others}</p>"
        f'<form id="scan" method="post" action="/scan/{escape(device)}" autocomplete="off" '
        f'data-device="{escape(device)}" data-sending="{word("LS-4855")}">'
        f'<label for="text">{word("LS-4851")}</label>'
        f'<input id="text" name="text" type="text" value="{kept}" maxlength="2048" autofocus '
        f'required spellcheck="false" aria-label="{word("LS-4852")}">'
        f'<input name="token" type="hidden" value="{escape(token)}">'
        f'<input name="id" type="hidden" value="{escape(scan_id)}">'
        f"<button>{word('LS-4853')}</button></form>"
        f'<p id="away" class="bad" hidden>{word("LS-4856")}</p>'
        f'<table aria-live="polite"><tbody id="scans">{rows}</tbody></table>'
        f'<p>{word("LS-4857")} <a href="/">{word("LS-4854")}</a></p>'
        f'<script src="/scan.js"></script></body></html>'
    )
