"""Adapters for frameworks: one module each, which needs nothing but its framework beside this package.

All take ``model``, ``api_key``, ``base_url`` and ``local`` (local mode: no key, no network), and further options by their
usual names. The key comes from ``INWORLD_API_KEY`` unless it is given, and is never stored. docs/use/frameworks.md.
"""
