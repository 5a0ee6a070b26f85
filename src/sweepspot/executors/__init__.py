"""Where trials run: in the driver, or in worker processes."""
