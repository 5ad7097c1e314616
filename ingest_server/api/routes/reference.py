"""The reference of this API as a page for people; not part of the document it shows."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ingest_server.api import reference
from ingest_server.api.shape import Ctx
from runtime.messages import Language

router = APIRouter()


@router.get(reference.PATH, include_in_schema=False)
async def docs(context: Ctx, request: Request) -> HTMLResponse:
    """In the language of `lang`, else of Accept-Language."""
    wanted = request.query_params.get("lang")
    lang: Language = context.problems.language(request)
    if wanted is not None:
        lang = "zh" if wanted == "zh" else "en"
    base = str(request.base_url).rstrip("/")
    html = reference.page(request.app.openapi(), lang=lang, base=base)
    return HTMLResponse(html, headers={**reference.HEADERS, "Content-Language": lang})
