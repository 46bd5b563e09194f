"""The worker: one order → a stream of events. Knows devices and bytes, no spool."""
