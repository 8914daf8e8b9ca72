"""What a run costs: measured, and normalised to a reference load so that machines can be compared."""
