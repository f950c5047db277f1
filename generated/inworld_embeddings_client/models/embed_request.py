# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import fields_of, list_or_empty

if TYPE_CHECKING:
    from ..models.embed_request_input import EmbedRequestInput
    from ..models.model_id import ModelId


T = TypeVar("T", bound="EmbedRequest")


@_attrs_define
class EmbedRequest:
    """Request message for Embed method. Contains the input texts and model configuration for the embeddings request"""

    inputs: list[EmbedRequestInput]
    """ Input to embed. """
    model: ModelId
    """ The ID of the model to be used to generate embeddings. If no model_id is specified, the default model will
    be used. See [Models](../../../models#embedding) for available models. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        inputs = []
        for inputs_item_data in self.inputs:
            inputs_item = inputs_item_data.to_dict()
            inputs.append(inputs_item)

        model = self.model.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "inputs": inputs,
                "model": model,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.embed_request_input import EmbedRequestInput  # noqa: PLC0415
        from ..models.model_id import ModelId  # noqa: PLC0415

        d = fields_of(src_dict)
        inputs = []
        _inputs = d.pop("inputs")
        for inputs_item_data in list_or_empty(_inputs):
            inputs_item = EmbedRequestInput.from_dict(inputs_item_data)

            inputs.append(inputs_item)

        model = ModelId.from_dict(d.pop("model"))

        embed_request = cls(
            inputs=inputs,
            model=model,
        )

        embed_request.additional_properties = d
        return embed_request

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
