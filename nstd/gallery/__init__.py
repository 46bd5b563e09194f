"""The gallery: what the studio sees of its jobs, as static pages in the outbox."""
