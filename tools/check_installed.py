"""Says whether an installed wheel is whole: both packages import, are typed, and work without a key."""

import importlib.util
from pathlib import Path

PACKAGES = ("inworld_embeddings_client", "inworld_embeddings")


def main() -> None:
    """Imports both packages from where they were installed, and embeds a text."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{name} is not installed")
        home = Path(spec.origin).parent
        if "site-packages" not in home.parts or not (home / "py.typed").exists():
            raise SystemExit(f"{name} is not the installed, typed package: {home}")
    from inworld_embeddings import EmbeddingClient  # noqa: PLC0415 - only now is it known to be there

    with EmbeddingClient.local() as client:
        print(f"both packages import; local vector of shape {client.embed('Hello Inworld!').shape}")


if __name__ == "__main__":
    main()
