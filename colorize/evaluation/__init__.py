"""Measuring of the networks. Never imported by inference."""
