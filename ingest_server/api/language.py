"""Which of our languages a request asks for (RFC 9110, 12.5.4)."""

from __future__ import annotations

from runtime.messages import Language


def language_of(accept_language: str, default: Language) -> Language:
    """The best of zh and en in an `Accept-Language` header; `default` where it names neither."""
    best: Language = default
    best_weight = 0.0
    for item in accept_language.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = _weight(parameters)
        primary = name.split("-", 1)[0]
        wanted: Language
        if primary == "zh":
            wanted = "zh"
        elif primary == "en":
            wanted = "en"
        elif name == "*":
            wanted = default
        else:
            continue
        if weight > best_weight:
            best, best_weight = wanted, weight
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
