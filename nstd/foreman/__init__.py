"""Hands out orders, and applies the workers' events and people's requests to the spool."""
