# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, fields_of, read, to_json

if TYPE_CHECKING:
    from ..models.embed_request_input import EmbedRequestInput
    from ..models.model_id import ModelId


@_attrs_define(kw_only=True)
class EmbedRequest:
    """Request message for Embed method. Contains the input texts and model configuration for the embeddings request"""

    inputs: list[EmbedRequestInput]
    """ Input to embed. """
    model: ModelId
    """ The ID of the model to be used to generate embeddings. If no model_id is specified, the default model will
    be used. See [Models](../../../models#embedding) for available models. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            **to_json(self.additional_properties),
            "inputs": to_json(self.inputs),
            "model": to_json(self.model),
        }
        return {name: value for name, value in fields.items() if value is not UNSET}

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.embed_request_input import EmbedRequestInput  # noqa: PLC0415
        from ..models.model_id import ModelId  # noqa: PLC0415

        fields = fields_of(src_dict)
        made = cls(
            inputs=read(list[EmbedRequestInput], fields.pop("inputs"), "inputs"),
            model=read(ModelId, fields.pop("model"), "model"),
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
