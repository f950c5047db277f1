# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset, fields_of, read, to_json

if TYPE_CHECKING:
    from ..models.embedding import Embedding


@_attrs_define(kw_only=True)
class EmbedResponse:
    embeddings: list[Embedding] | Unset = UNSET
    """ List of embeddings generated from the input messages """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            **to_json(self.additional_properties),
            "embeddings": to_json(self.embeddings),
        }
        return {name: value for name, value in fields.items() if value is not UNSET}

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.embedding import Embedding  # noqa: PLC0415

        fields = fields_of(src_dict)
        made = cls(
            embeddings=read(list[Embedding] | Unset, fields.pop("embeddings", UNSET), "embeddings"),
        )
        made.additional_properties = fields
        return made

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
