# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains endpoint functions for accessing the API"""
