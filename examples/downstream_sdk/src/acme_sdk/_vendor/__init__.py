"""Other people's code, copied by `inworld-embeddings vendor`. Nobody edits it here."""
