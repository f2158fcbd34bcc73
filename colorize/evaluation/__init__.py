"""Measuring how good colorizations are; see docs/evaluation.md. Never imported by inference."""
