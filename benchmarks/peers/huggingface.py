"""huggingface_hub's feature extraction against an endpoint's URL: stdlib json, a float32 array for each request."""

from typing import Any

from . import KEY, Settings
from .fan import Threads

START = f'from huggingface_hub import InferenceClient\nInferenceClient(model="{{url}}/loopback-768", token="{KEY}")'


class HuggingFace(Threads):
    """Sync, in threads."""

    def __init__(self, settings: Settings) -> None:
        from huggingface_hub import InferenceClient

        super().__init__(settings)
        self._client = InferenceClient(model=f"{settings.url}/{settings.model}", token=KEY)

    def send(self, texts: list[str]) -> Any:
        return self._client.feature_extraction(texts)  # type: ignore[arg-type, unused-ignore]

    def send_lists(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self.send(texts).tolist()
        return rows


def make(settings: Settings) -> HuggingFace:
    return HuggingFace(settings)
