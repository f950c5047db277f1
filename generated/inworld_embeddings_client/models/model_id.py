# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.service_provider import ServiceProvider
from ..types import fields_of

T = TypeVar("T", bound="ModelId")


@_attrs_define
class ModelId:
    """The ID of the model to be used to generate embeddings. If no model_id is specified, the default model will be used.
    See [Models](../../../models#embedding) for available models.

    """

    model: str
    """ The ID of the model to be used to generate embeddings. If no model_id is specified, the default model will
    be used. See [Models](../../../models#embedding) for available models. """
    service_provider: ServiceProvider
    """ Service provider hosting model and handling requests.

     - SERVICE_PROVIDER_UNSPECIFIED: No service provider specified. Default SERVICE_PROVIDER_INWORLD will be used
     - SERVICE_PROVIDER_INWORLD: Inworld service provider """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model = self.model

        service_provider = ServiceProvider(self.service_provider).value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model": model,
                "serviceProvider": service_provider,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = fields_of(src_dict)
        model = d.pop("model")

        service_provider = ServiceProvider(d.pop("serviceProvider"))

        model_id = cls(
            model=model,
            service_provider=service_provider,
        )

        model_id.additional_properties = d
        return model_id

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
