"""What a command of kind `order` says: untrusted JSON, as the contract has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.buffer.orders import DispatchedOrder
from runtime.errors import LinesideError

_LARGEST = 2**63 - 1


class OrderBody(BaseModel):
    """An order dispatched to the line, or its withdrawal."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    order: str = Field(min_length=1, max_length=200, description="Order number.")
    equipment: str = Field(min_length=1, max_length=200, description="Where it is to be made.")
    product: str = Field(default="", max_length=500, description="What is to be made.")
    quantity: float | None = Field(
        default=None, allow_inf_nan=False, description="How much of it; null: not said."
    )
    due_us: int | None = Field(
        default=None, ge=-_LARGEST, le=_LARGEST, description="When it is due; null: not said."
    )
    rank: int = Field(
        default=0, ge=-_LARGEST, le=_LARGEST, description="1 is due first at its equipment."
    )
    note: str = Field(default="", max_length=2_000, description="Something for people.")
    state: Literal["dispatched", "withdrawn"] = Field(description="Whether it is to be done.")
    revision: int = Field(ge=0, le=_LARGEST, description="A later word has a higher one.")


def order_of(body: Mapping[str, Any], *, at_us: int) -> DispatchedOrder:
    """The order of a command's body. Raises LinesideError (LS-4403) naming the first bad field."""
    try:
        found = OrderBody.model_validate(dict(body))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise LinesideError("LS-4403", field=field, reason=first["msg"]) from error
    return DispatchedOrder(**found.model_dump(), at_us=at_us)
