"""Limits of what was measured, from plain numbers and arrays; pure, one file a kind."""
