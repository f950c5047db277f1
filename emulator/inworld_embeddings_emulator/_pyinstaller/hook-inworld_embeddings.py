"""What a frozen program needs beside the modules: the engine's table, the playground's files, the client's provenance."""  # noqa: N999 - PyInstaller looks for it by this name

from PyInstaller.utils.hooks import collect_data_files

datas = [
    file
    for package in ("inworld_embeddings_client", "inworld_embeddings_emulator")
    for file in collect_data_files(package)
]
