# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains methods for accessing the API"""
