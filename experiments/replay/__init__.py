"""Containers of a scenario on a real Docker Engine: a private engine, measured cases, this host's constants, replay.

The only package that imports the Docker SDK (extra ``docker``).
"""
