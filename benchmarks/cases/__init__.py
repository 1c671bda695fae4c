"""What is measured: hits, deliveries, and what a gateway takes when nothing happens."""
