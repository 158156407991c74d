"""The base of every section of the file, and the kinds of containers a section may hold."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from incident_ops.config.document import Empty


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys that are not its own. Empty, it has its defaults."""

    # hide_input: pydantic's own texts would repeat what stands in the file
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_an_empty_section(cls, value: Any) -> Any:
        return {} if isinstance(value, Empty) else value


def _nothing_as_list(value: Any) -> Any:
    return [] if isinstance(value, Empty) else value


def _nothing_as_mapping(value: Any) -> Any:
    return {} if isinstance(value, Empty) else value


K = TypeVar("K")
T = TypeVar("T")

Many = Annotated[tuple[T, ...], BeforeValidator(_nothing_as_list)]
Named = Annotated[dict[K, T], BeforeValidator(_nothing_as_mapping)]
AtLeastOne = Annotated[tuple[T, ...], BeforeValidator(_nothing_as_list), Field(min_length=1)]
