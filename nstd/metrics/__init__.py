"""What Prometheus may ask of the daemon: counts, a survey of the queue, and who answers."""
