"""baseten-performance-client: Rust, asks for JSON floats, with concurrency of its own."""

from typing import Any

from . import KEY, Settings

START = f'from baseten_performance_client import PerformanceClient\nPerformanceClient(base_url="{{url}}", api_key="{KEY}")'


class Baseten:
    """Sync; the characters per request are raised so far that 128 texts go in one."""

    def __init__(self, settings: Settings, base_url: str) -> None:
        from baseten_performance_client import PerformanceClient, RequestProcessingPreference

        self._model = settings.model
        self._client = PerformanceClient(base_url=base_url, api_key=KEY)
        self._preference = RequestProcessingPreference(
            max_concurrent_requests=settings.concurrency,
            batch_size=settings.batch,
            max_chars_per_request=1_048_576,
        )

    def _embed(self, texts: list[str]) -> Any:
        return self._client.embed(input=texts, model=self._model, preference=self._preference)

    def array(self, texts: list[str]) -> Any:
        return self._embed(texts).numpy()

    def lists(self, texts: list[str]) -> list[list[float]]:
        return [item.embedding for item in self._embed(texts).data]

    def calls(self, text: str, count: int) -> None:
        for _ in range(count):
            self._embed([text]).numpy()

    def close(self) -> None:
        pass


def make(settings: Settings, *, compressed: bool = False) -> Baseten:
    return Baseten(settings, f"{settings.url}/compressed" if compressed else settings.url)
