"""Says whether an installed wheel is whole: its packages are typed, work without a key, and can be copied."""

import importlib.util
import tempfile
from pathlib import Path

PACKAGES = ("inworld_embeddings_client", "inworld_embeddings", "inworld_embeddings_emulator")


def main() -> None:
    """Imports the packages from where they were installed, and embeds a text."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{name} is not installed")
        home = Path(spec.origin).parent
        if "site-packages" not in home.parts or not (home / "py.typed").exists():
            raise SystemExit(f"{name} is not the installed, typed package: {home}")
    from inworld_embeddings import EmbeddingClient  # noqa: PLC0415 - only now is it known to be there
    from inworld_embeddings.vendoring import Choice, Source, vendor  # noqa: PLC0415
    from inworld_embeddings_emulator.playground import page_files  # noqa: PLC0415

    page = {"/", "/_emulator/playground/app.js", "/_emulator/playground/style.css"}
    if missing := page - set(page_files()):
        raise SystemExit(f"the playground is not whole: {missing}")
    with tempfile.TemporaryDirectory() as folder:
        report = vendor(Path(folder) / "copy", Source.here(), Choice(emulator=True))
    whole = {"LICENSE", "NOTICE", "_client/py.typed", "_emulator/py.typed"}
    if missing := whole - report.current["files"].keys():
        raise SystemExit(f"a vendored copy is not whole: {missing}")
    with EmbeddingClient.local() as client:
        print(f"three packages import; local vector of shape {client.embed('Hello Inworld!').shape}")


if __name__ == "__main__":
    main()
