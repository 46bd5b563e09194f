"""What `nstd status` says: read from the journal, shown as a table, live, or as JSON."""
