"""`make up`: the whole platform on one machine, on embedded parts or on real ones. Start reading at `up`."""
