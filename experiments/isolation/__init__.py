"""Isolation on the command line: what mechanisms do to techniques, and the ways out of a container."""
