"""Room 2, files and states: the inbox, the durable queue and the outbox. No torch."""
