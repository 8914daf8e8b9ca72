"""Studies: questions that are answered by sweeps, each with one command, its statistics and a page of results."""
