"""The spec's six request examples through both layers, over local mode."""

import json
from pathlib import Path

from inworld_embeddings import EmbeddingClient
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse
from inworld_embeddings_client.api.embedding_service import embedding_service_embed
from inworld_embeddings_emulator import Emulator, LocalTransport

EXAMPLES = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "spec" / "requests"


def main() -> None:
    """Sends each example through the generated client and through the wrapper, and compares the vectors."""
    transport = LocalTransport(Emulator())
    key = emulator_credential().reveal()
    for path in sorted(EXAMPLES.glob("*.json")):
        body = json.loads(path.read_text("utf-8"))["body"]
        with AuthenticatedClient(token=key, httpx_args={"transport": transport}) as low:
            response = embedding_service_embed.sync(client=low, body=EmbedRequest.from_dict(body))
        if not isinstance(response, EmbedResponse):
            raise TypeError(f"{path.stem}: {response}")
        with EmbeddingClient.local() as high:
            result = high.embed([item["text"] for item in body["inputs"]])
        for embedding, vector in zip(response.embeddings, result, strict=True):
            if not (abs(vector - embedding.values) < 1e-6).all():
                raise ValueError(f"{path.stem}: the two layers disagree")
        print(f"{path.stem}: {len(result)} vectors of {result.dimension}, equal in both layers")


if __name__ == "__main__":
    main()
