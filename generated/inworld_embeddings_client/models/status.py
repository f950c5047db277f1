# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset, fields_of, read, to_json

if TYPE_CHECKING:
    from ..models.protobuf_any import ProtobufAny


@_attrs_define(kw_only=True)
class Status:
    code: int | Unset = UNSET
    message: str | Unset = UNSET
    details: list[ProtobufAny] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            **to_json(self.additional_properties),
            "code": to_json(self.code),
            "message": to_json(self.message),
            "details": to_json(self.details),
        }
        return {name: value for name, value in fields.items() if value is not UNSET}

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.protobuf_any import ProtobufAny  # noqa: PLC0415

        fields = fields_of(src_dict)
        made = cls(
            code=read(int | Unset, fields.pop("code", UNSET), "code"),
            message=read(str | Unset, fields.pop("message", UNSET), "message"),
            details=read(list[ProtobufAny] | Unset, fields.pop("details", UNSET), "details"),
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
